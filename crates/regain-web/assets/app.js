// Everything here improves pages that already work without it.
(function () {
  "use strict";
  var all = function (selector, root) {
    return Array.prototype.slice.call((root || document).querySelectorAll(selector));
  };
  var say = function (text) {
    var live = document.getElementById("live");
    if (live) live.textContent = text;
  };

  // A second press while the first is under way sends nothing. The page comes back to life when
  // the browser shows it again from its history.
  all("form[method=post]").forEach(function (form) {
    form.addEventListener("submit", function (event) {
      if (form.dataset.sent) return event.preventDefault();
      form.dataset.sent = "1";
      // Password managers store what is typed in password fields.
      all("input[data-was=password]", form).forEach(function (input) {
        input.type = "password";
      });
    });
  });
  window.addEventListener("pageshow", function () {
    all("form[data-sent]").forEach(function (form) {
      delete form.dataset.sent;
    });
  });

  // One button shows or hides every password of its form.
  all("button[data-show]").forEach(function (button) {
    button.hidden = false;
    button.addEventListener("click", function () {
      var shown = button.getAttribute("aria-pressed") === "true";
      all("input[type=password], input[data-was=password]", button.form).forEach(function (input) {
        input.dataset.was = "password";
        input.type = shown ? "password" : "text";
      });
      button.setAttribute("aria-pressed", String(!shown));
    });
  });

  // The code field keeps digits only, wherever they come from.
  all("input[data-code]").forEach(function (input) {
    input.addEventListener("input", function () {
      var digits = input.value.replace(/[\s\-\u2010-\u2015.]/g, "");
      if (digits !== input.value) input.value = digits;
    });
  });

  // A mail's link may go on with the same flow in another tab: then this one follows, when it is
  // looked at again. It asks for ten minutes.
  all("[data-poll]").forEach(function (element) {
    var times = 150;
    var wait = function () {
      if (times > 0) window.setTimeout(ask, 4000);
    };
    var ask = function () {
      times -= 1;
      if (document.hidden) return wait();
      window.fetch(element.dataset.poll, { credentials: "same-origin" }).then(function (answer) {
        return answer.ok ? answer.json() : {};
      }).then(function (answer) {
        if (answer.href) window.location.assign(answer.href);
        else wait();
      }).catch(wait);
    };
    if (window.fetch) wait();
  });

  // A button that copies what stands elsewhere on the page.
  all("button[data-copy]").forEach(function (button) {
    var source = document.getElementById(button.dataset.copy);
    if (!source || !navigator.clipboard) return;
    button.hidden = false;
    button.addEventListener("click", function () {
      navigator.clipboard.writeText(source.textContent).then(function () {
        say(button.dataset.done);
        button.textContent = button.dataset.done;
      }, function () {});
    });
  });

  // "Send a new code" waits as long as the server says. The time left is announced at the start
  // and at the end only.
  all("button[data-wait]").forEach(function (button) {
    var end = Date.now() + Number(button.dataset.wait) * 1000;
    var label = button.textContent;
    var tick = function () {
      var left = Math.ceil((end - Date.now()) / 1000);
      if (left <= 0) {
        button.disabled = false;
        button.textContent = label;
        return say(button.dataset.ready);
      }
      button.textContent = button.dataset.count.replace("{0}", left);
      window.setTimeout(tick, 500);
    };
    if (Number(button.dataset.wait) > 0) {
      button.disabled = true;
      say(button.dataset.count.replace("{0}", button.dataset.wait));
      tick();
    }
  });

  // Whether this browser can calculate: the server may ask for it instead of refusing.
  var canWork = Boolean(window.crypto && window.crypto.subtle && window.TextEncoder);
  all("input[data-can-work]").forEach(function (input) {
    input.value = canWork ? "true" : "";
  });

  // Proof of work: which number gives, behind the salt, the hash? Numbers are tried in batches, so
  // that the page stays alive; then the form goes on by itself, because its button was pressed before.
  var work = document.getElementById("work");
  if (work && canWork) {
    var batch = 1000;
    var asked = work.dataset;
    var status = document.getElementById("work-status");
    var meter = document.getElementById("work-progress");
    var solution = work.querySelector("input[name=work]");
    var send = solution.form.querySelector("button[type=submit]");
    var encoder = new TextEncoder();
    var wanted = asked.challenge.match(/../g).map(function (pair) {
      return parseInt(pair, 16);
    });
    var tell = function (text) {
      if (status.textContent !== text) status.textContent = text;
    };
    var hits = function (hash) {
      var bytes = new Uint8Array(hash);
      return wanted.every(function (byte, place) {
        return byte === bytes[place];
      });
    };
    var finish = function (number) {
      solution.value = window.btoa(JSON.stringify({
        algorithm: asked.algorithm, challenge: asked.challenge, number: number, salt: asked.salt, signature: asked.signature
      }));
      tell(asked.done);
      say(asked.done);
      send.disabled = false;
      send.click();
    };
    var search = function (from) {
      var max = Number(asked.max);
      var part = Math.floor(from / (max + 1) * 100);
      meter.value = part;
      tell(asked.progress.replace("{0}", part));
      if (from > max) return;
      var numbers = [];
      for (var number = from; number <= max && number < from + batch; number += 1) numbers.push(number);
      Promise.all(numbers.map(function (number) {
        return window.crypto.subtle.digest("SHA-256", encoder.encode(asked.salt + number));
      })).then(function (hashes) {
        var found = hashes.findIndex(hits);
        if (found >= 0) finish(numbers[found]);
        else search(from + batch);
      });
    };
    status.hidden = meter.hidden = false;
    send.disabled = true;
    say(asked.progress.replace("{0}", "0"));
    search(0);
  }

  // The live checklist. The server has the last word; rules that only it can check have no state.
  var rules = document.getElementById("password-rules");
  var password = document.getElementById("password");
  if (rules && password) {
    var username = document.querySelector("input[name=username]");
    var parts = (username ? username.value : "").toLowerCase().split(/[,.\-_#@\s]+/);
    var count = function (pattern, text) {
      return (text.match(pattern) || []).length;
    };
    var tests = {
      length: function (text, least) {
        return Array.from(text).length >= least;
      },
      lower: function (text, least) {
        return count(/\p{Ll}/gu, text) >= least;
      },
      upper: function (text, least) {
        return count(/\p{Lu}/gu, text) >= least;
      },
      number: function (text, least) {
        return count(/\p{Nd}/gu, text) >= least;
      },
      symbol: function (text, least) {
        return count(/[!-/:-@[-`{-~]/g, text) >= least;
      },
      username: function (text) {
        var low = text.toLowerCase();
        return text !== "" && parts.every(function (part) {
          return part.length < 4 || low.indexOf(part) < 0;
        });
      }
    };
    var items = all("li[data-rule]", rules).filter(function (item) {
      return tests[item.dataset.rule];
    });
    var pause;
    var check = function (quiet) {
      var met = 0;
      items.forEach(function (item) {
        var ok = tests[item.dataset.rule](password.value, Number(item.dataset.least || 0));
        met += ok ? 1 : 0;
        item.dataset.met = ok ? "yes" : "no";
        item.querySelector(".state").textContent = " (" + rules.dataset[ok ? "met" : "unmet"] + ")";
      });
      window.clearTimeout(pause);
      if (quiet) return;
      pause = window.setTimeout(function () {
        say(rules.dataset.progress.replace("{0}", met).replace("{1}", items.length));
      }, 1200);
    };
    password.addEventListener("input", function () {
      all("li.failed", rules).forEach(function (item) {
        item.classList.remove("failed");
      });
      check(false);
    });
    check(true);
  }

  // Two minutes before the transaction ends the page says so (WCAG 2.2.1).
  all("[data-ends-in]").forEach(function (notice) {
    var wait = Math.max(0, Number(notice.dataset.endsIn) - 120) * 1000;
    // Longer waits overflow the timer and would end at once.
    if (wait > 86400000) return;
    window.setTimeout(function () {
      notice.hidden = false;
    }, wait);
  });
})();
