/* Journals what a process does to the files of one directory, so that a test can build what a
 * power loss would have left (T-R2). Loaded by LD_PRELOAD into a test's own child; no part of the
 * product.
 *
 * REGAIN_JOURNAL_OF   the directory, absolute and without links in it
 * REGAIN_JOURNAL_TO   the file that the journal is written to
 *
 * A record: u8 kind, u64 inode, u64 offset, u32 length (little endian), then `length` bytes.
 *   C  a name came into being              bytes: the name
 *   U  a name is gone                      bytes: the name
 *   W  bytes were written at the offset    bytes: they
 *   T  the length became the offset
 *   S  the file was synced
 *   D  the directory was synced
 *
 * One lock is held over each call and its record: the journal is in the order of the calls. What
 * the model does not know ends the process, loudly. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define DESCRIPTORS 4096
enum { OTHER, TRACKED, SHARED_MEMORY, DIRECTORY };

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static unsigned char kind_of[DESCRIPTORS];
static char directory[4096];
static size_t directory_length;
static int journal = -1;

static void fail(const char *why) {
    static const char told[] = "journal.c: the model does not know ";
    (void)!syscall(SYS_write, 2, told, sizeof told - 1);
    (void)!syscall(SYS_write, 2, why, strlen(why));
    (void)!syscall(SYS_write, 2, "\n", 1);
    abort();
}

__attribute__((constructor)) static void start(void) {
    const char *of = getenv("REGAIN_JOURNAL_OF");
    const char *to = getenv("REGAIN_JOURNAL_TO");
    if (!of || !to) return;
    directory_length = strlen(of);
    if (directory_length >= sizeof directory) fail("so long a path");
    memcpy(directory, of, directory_length + 1);
    journal = (int)syscall(SYS_openat, AT_FDCWD, to, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (journal < 0) fail("where to write");
}

static void put(const void *bytes, size_t length) {
    const char *at = bytes;
    while (length > 0) {
        long done = syscall(SYS_write, journal, at, length);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) fail("a journal that is full");
        at += done;
        length -= (size_t)done;
    }
}

static void record(char kind, uint64_t inode, uint64_t offset, const void *bytes, uint32_t length) {
    unsigned char head[21];
    head[0] = (unsigned char)kind;
    for (int i = 0; i < 8; i++) head[1 + i] = (unsigned char)(inode >> (8 * i));
    for (int i = 0; i < 8; i++) head[9 + i] = (unsigned char)(offset >> (8 * i));
    for (int i = 0; i < 4; i++) head[17 + i] = (unsigned char)(length >> (8 * i));
    int saved = errno;
    put(head, sizeof head);
    if (length > 0) put(bytes, length);
    errno = saved;
}

/* The name of a path inside the directory, "" for the directory itself, else nothing. */
static const char *inside(const char *path) {
    if (journal < 0 || strncmp(path, directory, directory_length) != 0) return NULL;
    const char *rest = path + directory_length;
    if (*rest == '\0') return rest;
    return *rest == '/' ? rest + 1 : NULL;
}

static int is_shared_memory(const char *name) {
    size_t length = strlen(name);
    return length >= 4 && strcmp(name + length - 4, "-shm") == 0;
}

static int kind(int fd) { return fd >= 0 && fd < DESCRIPTORS ? kind_of[fd] : OTHER; }

static uint64_t inode_of(int fd) {
    struct stat found;
    if (fstat(fd, &found) != 0) fail("a file without an inode");
    return (uint64_t)found.st_ino;
}

static int open_and_record(const char *path, int flags, mode_t mode) {
    static int (*real)(const char *, int, ...);
    if (!real) real = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open64");
    const char *name = inside(path);
    if (!name) return real(path, flags, mode);
    pthread_mutex_lock(&turn);
    struct stat before;
    int was_there = lstat(path, &before) == 0;
    int fd = real(path, flags, mode);
    if (fd >= 0) {
        if (fd >= DESCRIPTORS) fail("so many files");
        kind_of[fd] = *name == '\0' ? DIRECTORY : is_shared_memory(name) ? SHARED_MEMORY : TRACKED;
        if (kind_of[fd] == TRACKED) {
            if (!was_there) record('C', inode_of(fd), 0, name, (uint32_t)strlen(name));
            else if (flags & O_TRUNC) record('T', inode_of(fd), 0, NULL, 0);
        }
    }
    pthread_mutex_unlock(&turn);
    return fd;
}

static mode_t mode_in(int flags, va_list rest) {
    return flags & (O_CREAT | __O_TMPFILE) ? (mode_t)va_arg(rest, int) : 0;
}

#define OPEN(name)                                  \
    int name(const char *path, int flags, ...) {    \
        va_list rest;                               \
        va_start(rest, flags);                      \
        mode_t mode = mode_in(flags, rest);         \
        va_end(rest);                               \
        return open_and_record(path, flags, mode);  \
    }
OPEN(open)
OPEN(open64)

#define OPEN_AT(name)                                                     \
    int name(int at, const char *path, int flags, ...) {                  \
        va_list rest;                                                     \
        va_start(rest, flags);                                            \
        mode_t mode = mode_in(flags, rest);                               \
        va_end(rest);                                                     \
        if (inside(path)) return open_and_record(path, flags, mode);      \
        return (int)syscall(SYS_openat, at, path, flags, mode);           \
    }
OPEN_AT(openat)
OPEN_AT(openat64)

int close(int fd) {
    pthread_mutex_lock(&turn);
    if (fd >= 0 && fd < DESCRIPTORS) kind_of[fd] = OTHER;
    pthread_mutex_unlock(&turn);
    return (int)syscall(SYS_close, fd);
}

ssize_t write(int fd, const void *bytes, size_t length) {
    if (kind(fd) != TRACKED) return syscall(SYS_write, fd, bytes, length);
    pthread_mutex_lock(&turn);
    int append = fcntl(fd, F_GETFL) & O_APPEND;
    off_t at = lseek(fd, 0, append ? SEEK_END : SEEK_CUR);
    ssize_t done = syscall(SYS_write, fd, bytes, length);
    if (done > 0) record('W', inode_of(fd), (uint64_t)at, bytes, (uint32_t)done);
    pthread_mutex_unlock(&turn);
    return done;
}

static ssize_t write_at(int fd, const void *bytes, size_t length, off64_t at) {
    if (kind(fd) != TRACKED) return syscall(SYS_pwrite64, fd, bytes, length, at);
    pthread_mutex_lock(&turn);
    ssize_t done = syscall(SYS_pwrite64, fd, bytes, length, at);
    if (done > 0) record('W', inode_of(fd), (uint64_t)at, bytes, (uint32_t)done);
    pthread_mutex_unlock(&turn);
    return done;
}
ssize_t pwrite(int fd, const void *b, size_t n, off_t at) { return write_at(fd, b, n, at); }
ssize_t pwrite64(int fd, const void *b, size_t n, off64_t at) { return write_at(fd, b, n, at); }

static int cut(int fd, off64_t length) {
    if (kind(fd) != TRACKED) return (int)syscall(SYS_ftruncate, fd, length);
    pthread_mutex_lock(&turn);
    int done = (int)syscall(SYS_ftruncate, fd, length);
    if (done == 0) record('T', inode_of(fd), (uint64_t)length, NULL, 0);
    pthread_mutex_unlock(&turn);
    return done;
}
int ftruncate(int fd, off_t length) { return cut(fd, length); }
int ftruncate64(int fd, off64_t length) { return cut(fd, length); }

static int sync_with(long call, int fd) {
    if (kind(fd) == OTHER || kind(fd) == SHARED_MEMORY) return (int)syscall(call, fd);
    pthread_mutex_lock(&turn);
    int done = (int)syscall(call, fd);
    if (done == 0) record(kind(fd) == DIRECTORY ? 'D' : 'S', inode_of(fd), 0, NULL, 0);
    pthread_mutex_unlock(&turn);
    return done;
}
int fsync(int fd) { return sync_with(SYS_fsync, fd); }
int fdatasync(int fd) { return sync_with(SYS_fdatasync, fd); }

int unlink(const char *path) {
    const char *name = inside(path);
    if (!name || is_shared_memory(name)) return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    pthread_mutex_lock(&turn);
    int done = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    if (done == 0) record('U', 0, 0, name, (uint32_t)strlen(name));
    pthread_mutex_unlock(&turn);
    return done;
}

/* What nobody does to a database today. If somebody begins to, the model must learn it first. */

static void refuse(int fd, const char *call) {
    if (kind(fd) == TRACKED) fail(call);
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
    refuse(fd, "writev");
    return syscall(SYS_writev, fd, parts, count);
}
int fallocate(int fd, int mode, off_t at, off_t length) {
    refuse(fd, "fallocate");
    return (int)syscall(SYS_fallocate, fd, mode, at, length);
}
int posix_fallocate(int fd, off_t at, off_t length) {
    refuse(fd, "posix_fallocate");
    return syscall(SYS_fallocate, fd, 0, at, length) == 0 ? 0 : errno;
}
static void *map(void *where, size_t length, int access, int flags, int fd, off64_t at) {
    if ((access & PROT_WRITE) && (flags & MAP_SHARED)) refuse(fd, "a shared map that is written");
    return (void *)syscall(SYS_mmap, where, length, access, flags, fd, at);
}
void *mmap(void *w, size_t n, int a, int f, int fd, off_t at) { return map(w, n, a, f, fd, at); }
void *mmap64(void *w, size_t n, int a, int f, int fd, off64_t at) { return map(w, n, a, f, fd, at); }
int rename(const char *from, const char *to) {
    if (inside(from) || inside(to)) fail("rename");
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}
