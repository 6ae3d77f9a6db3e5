//! CPU and memory of processes, from `/proc`.

use std::collections::HashMap;

pub(crate) fn descendants(roots: &[u32]) -> Vec<u32> {
    let mut kids: HashMap<u32, Vec<u32>> = HashMap::new();
    for e in std::fs::read_dir("/proc").unwrap().flatten() {
        if let Ok(pid) = e.file_name().to_string_lossy().parse::<u32>() {
            if let Ok(s) = std::fs::read_to_string(format!("/proc/{pid}/stat")) {
                if let Some(p) = s.rfind(')') {
                    let f: Vec<&str> = s[p + 2..].split(' ').collect();
                    kids.entry(f[1].parse().unwrap_or(0)).or_default().push(pid);
                }
            }
        }
    }
    let mut out = roots.to_vec();
    let mut i = 0;
    while i < out.len() {
        if let Some(k) = kids.get(&out[i]) {
            out.extend(k);
        }
        i += 1;
    }
    out.sort();
    out.dedup();
    out
}
pub(crate) fn cpu_of(pids: &[u32]) -> f64 {
    // utime + stime, and the same of children already waited for
    pids.iter()
        .filter_map(|p| std::fs::read_to_string(format!("/proc/{p}/stat")).ok())
        .map(|s| {
            let f: Vec<&str> = s[s.rfind(')').unwrap() + 2..].split(' ').collect();
            f[11..13]
                .iter()
                .map(|x| x.parse::<f64>().unwrap())
                .sum::<f64>()
                / 100.0
        })
        .sum()
}
pub(crate) fn busy_total() -> f64 {
    let s = std::fs::read_to_string("/proc/stat").unwrap();
    let f: Vec<f64> = s
        .lines()
        .next()
        .unwrap()
        .split_whitespace()
        .skip(1)
        .map(|x| x.parse().unwrap())
        .collect();
    // user nice system irq softirq steal
    (f[0] + f[1] + f[2] + f[5] + f[6] + f[7]) / 100.0
}
pub(crate) fn mem_of(pids: &[u32]) -> (u64, u64) {
    let (mut rss, mut pss) = (0, 0);
    for p in pids {
        if let Ok(s) = std::fs::read_to_string(format!("/proc/{p}/smaps_rollup")) {
            for l in s.lines() {
                let n = |l: &str| l.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap();
                if l.starts_with("Rss:") {
                    rss += n(l)
                } else if l.starts_with("Pss:") {
                    pss += n(l)
                }
            }
        }
    }
    (rss, pss)
}
