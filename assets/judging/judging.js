// The judging page in a browser: shows one item after the other, and keeps what is answered until it is on disk.
//
// Items come as fragments of HTML that were made elsewhere; this script makes none. It knows what a page shows and
// nothing more. What is sent carries a key of its own, so that sending it again counts once.
(() => {
  "use strict";

  // In milliseconds: after so long without a sign somebody is away; a page is in view so long before an answer can be
  // meant for it; an answer is acknowledged so long; after a key that came too early, so long a silence.
  const AWAY = 120000;
  const SEEN = 300;
  const ACKNOWLEDGED = 80;
  const SILENCE = 400;
  // The waits between two tries to send.
  const FIRST_WAIT = 1000;
  const LONGEST_WAIT = 15000;
  const PATIENCE = 20000;

  const words = document.body.dataset;
  const desk = document.getElementById("desk");
  const reading = document.getElementById("reading");
  const strip = document.getElementById("strip");
  const live = document.getElementById("live");
  const place = "emprl/" + words.place;

  let draft = [];
  // What is being sent, or acknowledged; null while something can be given.
  let given = null;
  let shownSince = null;
  let quietUntil = 0;
  let pace = [];

  const view = () => desk.firstElementChild;
  const scales = () => [...view().querySelectorAll(".scale")];
  // A score of each scale, none given yet.
  const blank = () => scales().map(() => null);
  const isItem = () => view().dataset.view === "item";
  const isPractice = () => view().dataset.view === "practice";
  const isReading = () => Boolean(reading) && !reading.hidden;
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));

  // How long somebody looks at an item: the time in view, without the time away.
  const attention = {
    counted: 0,
    since: null,
    active: 0,
    update(now, inView, active) {
      if (this.since !== null) {
        this.counted += Math.max(Math.min(now, this.active + AWAY) - this.since, 0);
      }
      if (active || this.since === null) {
        this.active = now;
      }
      this.since = inView ? now : null;
    },
    take() {
      const ms = Math.round(this.counted);
      this.counted = 0;
      return ms;
    },
  };

  // Says that text goes on above or below what is in view.
  function edges() {
    const above = view().querySelector(".more.above");
    const below = view().querySelector(".more.below");
    if (!above || !below) {
      return;
    }
    const turns = [...view().querySelectorAll(".talk li")];
    const gone = turns.filter((turn) => turn.getBoundingClientRect().top < 0).length;
    above.hidden = gone === 0;
    above.lastElementChild.textContent = words.earlier.replace("{number}", String(gone));
    // Scales that stand below the text are in view with what they are about, and must not be hidden by this.
    const foot = view().querySelector(".foot");
    const isBelow = getComputedStyle(foot).position === "static";
    const left = document.documentElement.scrollHeight - innerHeight - scrollY;
    below.hidden = isBelow ? foot.getBoundingClientRect().top < innerHeight - 64 : left < 16;
  }

  addEventListener("scroll", edges, { passive: true });
  addEventListener("resize", edges);

  function attend(active) {
    const seen = document.visibilityState === "visible" && document.hasFocus();
    attention.update(performance.now(), seen && isItem() && !isReading() && !given, active);
  }

  for (const sign of ["pointermove", "pointerdown", "keydown", "scroll", "touchstart", "wheel"]) {
    addEventListener(sign, () => attend(true), { passive: true, capture: true });
  }
  for (const turn of ["focus", "blur", "visibilitychange", "pagehide", "pageshow"]) {
    addEventListener(turn, () => attend(false));
  }
  document.addEventListener("visibilitychange", () => attend(false));

  function say(text) {
    strip.textContent = text || "";
    strip.hidden = !text;
  }

  // Tells a screen reader what has come.
  function tell(first) {
    const parts = [...view().querySelectorAll("[data-say]")].map((part) => part.textContent);
    live.textContent = [first, ...parts].filter(Boolean).join(" ");
  }

  // The page is in view once it has been drawn.
  function comesIntoView() {
    const shown = view();
    shownSince = null;
    delete shown.dataset.ready;
    edges();
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        const now = performance.now();
        shownSince = now;
        attend(false);
        // For who waits for it, such as a test.
        const wait = Math.max(SEEN, quietUntil - now) + 10;
        setTimeout(() => {
          if (shownSince === now) {
            shown.dataset.ready = "true";
          }
        }, wait);
      }),
    );
  }

  function timeLeft() {
    const place = view().querySelector("[data-time]");
    const recent = pace.slice(-20);
    if (place && recent.length >= 3) {
      const mean = recent.reduce((sum, ms) => sum + ms, 0) / recent.length;
      const minutes = Math.max(1, Math.round((mean * Number(view().dataset.left)) / 60000));
      place.textContent = words.left.replace("{minutes}", String(minutes));
    }
  }

  function marks() {
    for (const scale of scales()) {
      const at = Number(scale.dataset.aspect);
      scale.classList.toggle("here", at === draft.indexOf(null));
      for (const point of scale.querySelectorAll(".point")) {
        const on = draft[at] === Number(point.dataset.input);
        point.classList.toggle("given", on);
        point.setAttribute("aria-pressed", String(on));
      }
    }
  }

  // Shows another fragment.
  function show(html, first) {
    desk.innerHTML = html;
    draft = blank();
    given = null;
    attention.take();
    scrollTo(0, 0);
    marks();
    timeLeft();
    const heading = view().querySelector("h1");
    if (heading) {
      heading.focus({ preventScroll: true });
    }
    const isNamed = heading && (isItem() || isPractice());
    tell([first, isNamed ? heading.textContent + "." : ""].filter(Boolean).join(" "));
    comesIntoView();
    if (view().dataset.read === "true") {
      read(true);
    }
  }

  // Shows the same item anew, as it is after a flag or a comment.
  function refresh(html, input) {
    desk.innerHTML = html;
    given = null;
    marks();
    timeLeft();
    const button = view().querySelector(`[data-input="${input}"]`);
    if (button) {
      button.focus({ preventScroll: true });
    }
    live.textContent = words.recorded;
    edges();
    view().dataset.ready = "true";
    attend(false);
  }

  function read(open) {
    if (!reading) {
      return;
    }
    reading.hidden = !open;
    desk.hidden = open;
    scrollTo(0, 0);
    const heading = (open ? reading : view()).querySelector("h1");
    if (heading) {
      heading.focus({ preventScroll: true });
    }
    if (open) {
      shownSince = null;
    } else {
      tell("");
      comesIntoView();
    }
    attend(false);
  }

  // What is not sent yet, in this browser.
  const unsent = {
    read() {
      try {
        return JSON.parse(localStorage.getItem(place));
      } catch {
        return null;
      }
    },
    keep(sent) {
      try {
        localStorage.setItem(place, JSON.stringify(sent));
      } catch {
        // Without a place to keep it, it is in this page as long as that is open.
      }
    },
    forget() {
      try {
        localStorage.removeItem(place);
      } catch {
        // As above.
      }
    },
  };

  // A pack that was opened as a file: it is judged here alone, and saved as a file to be sent back.
  const file = document.getElementById("pack");

  // SHA-256 in hexadecimal. The browser's own is not there for files in every browser.
  function sha256(bytes) {
    const primes = [];
    for (let n = 2; primes.length < 64; n += 1) {
      if (primes.every((prime) => n % prime !== 0)) {
        primes.push(n);
      }
    }
    const fraction = (root) => ((root - Math.floor(root)) * 2 ** 32) | 0;
    const k = primes.map((prime) => fraction(Math.cbrt(prime)));
    const hash = primes.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)));
    const length = bytes.length;
    const padded = new Uint8Array((((length + 8) >> 6) + 1) << 6);
    padded.set(bytes);
    padded[length] = 0x80;
    const view = new DataView(padded.buffer);
    view.setUint32(padded.length - 8, Math.floor(length / 2 ** 29));
    view.setUint32(padded.length - 4, (length << 3) >>> 0);
    const turn = (word, by) => (word >>> by) | (word << (32 - by));
    const w = new Int32Array(64);
    for (let at = 0; at < padded.length; at += 64) {
      for (let t = 0; t < 16; t += 1) {
        w[t] = view.getInt32(at + 4 * t);
      }
      for (let t = 16; t < 64; t += 1) {
        const [a, b] = [w[t - 15], w[t - 2]];
        const s0 = turn(a, 7) ^ turn(a, 18) ^ (a >>> 3);
        const s1 = turn(b, 17) ^ turn(b, 19) ^ (b >>> 10);
        w[t] = (w[t - 16] + s0 + w[t - 7] + s1) | 0;
      }
      let [a, b, c, d, e, f, g, h] = hash;
      for (let t = 0; t < 64; t += 1) {
        const s1 = turn(e, 6) ^ turn(e, 11) ^ turn(e, 25);
        const one = (h + s1 + ((e & f) ^ (~e & g)) + k[t] + w[t]) | 0;
        const s0 = turn(a, 2) ^ turn(a, 13) ^ turn(a, 22);
        const two = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
        [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0];
      }
      [a, b, c, d, e, f, g, h].forEach((word, at) => {
        hash[at] = (hash[at] + word) | 0;
      });
    }
    return hash.map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
  }

  // The same steps as the program's own: records are only ever added, and an item is as its records say.
  function packed(data) {
    const { pack, states, words } = data;
    const kept = "emprl/pack/" + data.place;
    const sections = [...document.getElementById("items").content.children];
    const done = document.getElementById("done").content.firstElementChild;
    const stateOf = new Map(pack.pages.map((page, at) => [page.item, states[at]]));
    const before = pack.acts.length;
    let isKept = true;

    function apply(record) {
      const state = stateOf.get(record.item);
      const deed = record.deed;
      if (deed.overrule) {
        Object.assign(state, { answer: null, skipped: false, settled_by: null, contested: [], since_fork: [] });
      } else if (deed.flag !== undefined) {
        state.flagged = deed.flag;
      } else if (deed.comment !== undefined) {
        state.comment = deed.comment;
      } else {
        state.answer = deed.answer || null;
        state.skipped = deed === "skip";
        state.settled_by = deed === "undo" ? null : record.seq;
      }
    }

    function keep() {
      try {
        localStorage.setItem(kept, JSON.stringify(pack.acts.slice(before)));
      } catch {
        isKept = false;
        say(words.not_kept);
      }
    }

    function restore() {
      try {
        for (const record of JSON.parse(localStorage.getItem(kept)) || []) {
          if (stateOf.has(record.item)) {
            pack.acts.push(record);
            apply(record);
          }
        }
      } catch {
        isKept = false;
      }
    }

    function record(item, deed, shown_ms) {
      const seq = pack.acts.reduce((last, act) => Math.max(last, act.seq), 0) + 1;
      const one = { seq, item, deed, shown_ms, wall_ms: Date.now() };
      pack.acts.push(one);
      apply(one);
    }

    function put(item, deed, shown_ms) {
      const settles = deed === "skip" || deed === "undo" || deed.answer;
      const fork = stateOf.get(item).since_fork;
      if (settles && fork.length > 0) {
        record(item, { overrule: fork }, 0);
      }
      record(item, deed, shown_ms);
    }

    function nextAfter(index) {
      const count = pack.pages.length;
      const order = pack.pages.map((page, at) => (index + 1 + at) % count);
      const is = (test) => order.find((at) => test(stateOf.get(pack.pages[at].item)));
      const open = is((state) => !state.answer && !state.skipped);
      return open !== undefined ? open : is((state) => state.skipped);
    }

    function fragment(at) {
      const all = pack.pages.length;
      const list = pack.pages.map((page) => stateOf.get(page.item));
      const answered = list.filter((state) => state.answer).length;
      const skipped = list.filter((state) => state.skipped).length;
      const section = (at === undefined ? done : sections[at]).cloneNode(true);
      const part = (selector) => section.querySelector(selector);
      section.dataset.known = pack.acts.length;
      part("progress").setAttribute("value", answered);
      if (at === undefined) {
        return section.outerHTML;
      }
      const state = list[at];
      section.dataset.flagged = state.flagged;
      section.dataset.left = all - answered;
      part("[data-count]").textContent = words.count.replace("{done}", answered).replace("{all}", all);
      part("[data-skipped]").textContent = skipped ? words.skipped.replace("{number}", skipped) : "";
      part("[data-input=flag]").setAttribute("aria-pressed", state.flagged);
      part("[data-input=flag] span").textContent = state.flagged ? words.flagged : words.flag;
      part(".said").textContent = state.comment ? words.comment + ": " + state.comment : "";
      part("[name=comment]").setAttribute("value", state.comment);
      return section.outerHTML;
    }

    return {
      first: () => fragment(nextAfter(-1)),
      isBegun: () => pack.acts.length > 0,
      receive(sent) {
        let at;
        if (sent.do === "undo") {
          const settled = pack.pages.map((page, at) => [stateOf.get(page.item).settled_by, at]);
          const last = settled.filter(([seq]) => seq).sort(([a], [b]) => b - a)[0];
          if (last) {
            at = last[1];
            put(pack.pages[at].item, "undo", 0);
          } else {
            at = nextAfter(-1);
          }
        } else {
          at = pack.pages.findIndex((page) => String(page.item) === sent.item);
          put(pack.pages[at].item, sent.do, sent.shown_ms);
          if (sent.do === "skip" || sent.do.answer) {
            at = nextAfter(at);
          }
        }
        keep();
        return { status: 200, html: fragment(at) };
      },
      save() {
        const isNewer = pack.acts.some((act) => act.deed.overrule);
        const digest = sha256(new TextEncoder().encode(JSON.stringify(pack)));
        const whole = { format: "emprl-pack", form: data.forms[isNewer ? 1 : 0], sha256: digest, pack };
        const place = URL.createObjectURL(new Blob([JSON.stringify(whole) + "\n"], { type: "application/json" }));
        const link = document.createElement("a");
        link.href = place;
        link.download = data.file_name;
        link.click();
        setTimeout(() => URL.revokeObjectURL(place), 60000);
        isKept = true;
      },
      restore,
      isKept: () => isKept,
    };
  }

  const pack = file ? packed(JSON.parse(file.textContent)) : null;

  function key() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  async function post(sent) {
    const reply = await fetch(location.pathname.replace(/\/+$/, "") + "/answer", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(sent),
      cache: "no-store",
      credentials: "omit",
      signal: AbortSignal.timeout(PATIENCE),
    });
    const again = Number(reply.headers.get("Retry-After")) * 1000;
    return { status: reply.status, html: await reply.text(), again };
  }

  const online = () => new Promise((done) => addEventListener("online", done, { once: true }));

  // Sends until it is received, whatever happens on the way.
  async function deliver(sent) {
    if (pack) {
      return pack.receive(sent);
    }
    unsent.keep(sent);
    for (let wait = FIRST_WAIT; ; wait = Math.min(wait * 2, LONGEST_WAIT)) {
      let reply = null;
      try {
        reply = await post(sent);
      } catch {
        reply = null;
      }
      const isReceived = reply && reply.status !== 429 && reply.status < 500;
      if (isReceived) {
        unsent.forget();
        // That a key came too early is said until something is given again.
        if (strip.textContent !== words.early) {
          say("");
        }
        return reply;
      }
      if (!reply || reply.status !== 429) {
        say(reply ? words.busy : words.waiting);
      }
      await Promise.race([pause((reply && reply.again) || wait), online()]);
    }
  }

  // Sends what was done with the item in view, and shows what comes next.
  async function send(deed, input, settles) {
    attend(true);
    const sent = {
      key: key(),
      known: Number(view().dataset.known || 0),
      item: view().dataset.item || "",
      do: deed,
      shown_ms: deed === "undo" ? 0 : attention.take(),
    };
    const since = performance.now();
    given = sent;
    attend(false);
    say("");
    const reply = await deliver(sent);
    if (reply.status === 200) {
      if (!settles && deed !== "undo") {
        refresh(reply.html, input);
        return;
      }
      if (deed.answer) {
        pace.push(sent.shown_ms);
      }
      await pause(Math.max(0, ACKNOWLEDGED - (performance.now() - since)));
      show(reply.html, settles && sent.item ? words.recorded : "");
    } else {
      answered(reply);
    }
  }

  // Shows a reply that is not the usual one.
  function answered(reply) {
    const isFragment = [404, 409, 410].includes(reply.status);
    if (isFragment) {
      show(reply.html, reply.status === 409 ? words.elsewhere : "");
    } else {
      given = null;
      if (draft.length > 0 && draft.every((score) => score !== null)) {
        draft[draft.length - 1] = null;
      }
      for (const mark of view().querySelectorAll(".given")) {
        mark.classList.remove("given");
      }
      marks();
      if (shownSince === null) {
        comesIntoView();
      }
      attend(false);
    }
    if (reply.status === 409) {
      say(words.elsewhere);
    } else if (!isFragment) {
      say(words.refused);
    }
  }

  // Whether an answer now can be meant for the item in view.
  function isMeant(now) {
    const early = given || shownSince === null || now - shownSince < SEEN || now < quietUntil;
    if (early) {
      quietUntil = now + SILENCE;
      if (strip.hidden) {
        say(words.early);
      }
      return false;
    }
    if (strip.textContent === words.early) {
      say("");
    }
    return true;
  }

  // Tells what most people choose for a practice item.
  function practise(given) {
    const usual = view().dataset.usual;
    const near = (score, at) => Math.abs(score - Number(usual.split(" ")[at])) <= 1;
    const isUsual = typeof given === "string" ? given === usual : given.every(near);
    const feedback = view().querySelector(".feedback");
    feedback.querySelector("[data-right]").hidden = !isUsual;
    feedback.querySelector("[data-other]").hidden = isUsual;
    feedback.hidden = false;
    view().querySelector(".answering").hidden = true;
    live.textContent = feedback.querySelector("p").innerText;
    feedback.querySelector("button").focus({ preventScroll: true });
    feedback.scrollIntoView({ block: "end" });
  }

  function choose(choice) {
    for (const card of view().querySelectorAll(".card")) {
      card.classList.toggle("given", choice === "tie" || card.dataset.input === choice);
    }
    for (const button of view().querySelectorAll(".choice")) {
      button.classList.toggle("given", button.dataset.input === choice);
    }
    if (isPractice()) {
      practise(choice);
    } else {
      send({ answer: { choice } }, choice, true);
    }
  }

  function score(points, aspect) {
    const at = aspect === null ? draft.indexOf(null) : aspect;
    if (at < 0 || points > Number(scales()[at].dataset.points)) {
      return;
    }
    draft[at] = points;
    marks();
    if (draft.every((score) => score !== null) && isPractice()) {
      practise(draft);
    } else if (draft.every((score) => score !== null)) {
      const [empathy, relevance, fluency] = draft;
      const answer = view().dataset.own ? { scores: draft } : { rating: { empathy, relevance, fluency } };
      send({ answer }, null, true);
    }
  }

  function undo() {
    const last = draft.findLastIndex((score) => score !== null);
    if (last >= 0) {
      draft[last] = null;
      marks();
    } else if (!isPractice()) {
      send("undo", "undo", false);
    }
  }

  function remark(open) {
    const form = view().querySelector(".remark");
    const field = form.elements.comment;
    form.hidden = !open;
    view().querySelector(".rest").hidden = open;
    if (open) {
      field.focus();
      field.setSelectionRange(field.value.length, field.value.length);
    } else if (field.value.trim() !== field.defaultValue.trim()) {
      send({ comment: field.value.trim() }, "comment", false);
    }
  }

  const isRemarking = () => {
    const form = isItem() && view().querySelector(".remark");
    return Boolean(form) && !form.hidden;
  };

  function act(input, aspect) {
    if (input === "read") {
      read(true);
      return;
    }
    if (input === "close") {
      read(false);
      return;
    }
    if (input === "save") {
      pack.save();
      return;
    }
    if (input === "more" || input === "back") {
      scrollBy(0, (input === "more" ? 0.6 : -0.6) * innerHeight);
      return;
    }
    const isAnswer = ["left", "right", "tie", "skip"].includes(input) || /^\d+$/.test(input);
    if (isAnswer) {
      if (!isMeant(performance.now())) {
        return;
      }
      if (input === "skip") {
        send("skip", "skip", true);
      } else if (/^\d+$/.test(input)) {
        score(Number(input), aspect);
      } else {
        choose(input);
      }
      return;
    }
    if (given) {
      return;
    }
    const steps = { agree: { consent: true }, decline: { consent: false }, practised: "practised" };
    if (steps[input]) {
      send(steps[input], input, true);
    } else if (input === "undo") {
      undo();
    } else if (input === "flag") {
      send({ flag: view().dataset.flagged !== "true" }, "flag", false);
    } else if (input === "comment") {
      remark(true);
    }
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-input]");
    if (button) {
      const scale = button.closest(".scale");
      act(button.dataset.input, scale ? Number(scale.dataset.aspect) : null);
    }
  });

  document.addEventListener("submit", (event) => {
    event.preventDefault();
    if (event.target.matches(".remark")) {
      remark(false);
    } else if (event.target.matches(".check") && !given) {
      const chosen = new FormData(event.target);
      const questions = [...Array(Number(event.target.dataset.questions)).keys()];
      send({ check: questions.map((at) => Number(chosen.get("q" + at))) }, null, true);
    }
  });

  document.addEventListener("focusout", (event) => {
    const form = event.target.closest(".remark");
    if (form && isRemarking() && !form.contains(event.relatedTarget) && document.hasFocus()) {
      remark(false);
    }
  });

  // A key by its letter, or by its place where another script is typed.
  function named(event) {
    if (event.code === "Minus" && event.key !== "?") {
      return "-";
    }
    if (event.key.length !== 1 || /^[a-z0-9?]$/i.test(event.key)) {
      return event.key.length === 1 ? event.key.toLowerCase() : event.key;
    }
    const at = /^(?:Key|Digit|Numpad)([A-Z0-9])$/.exec(event.code);
    return at ? at[1].toLowerCase() : event.key;
  }

  const KEYS = { "?": "read", i: "read", u: "undo", Backspace: "undo" };
  const ITEM_KEYS = { s: "skip", f: "flag", c: "comment", j: "more", k: "back" };
  // The points of a scale that no digit of its own stands for.
  const TENS = { 0: "10", "-": "11" };
  const PAIR_KEYS = {
    ArrowLeft: "left",
    1: "left",
    ArrowRight: "right",
    2: "right",
    ArrowDown: "tie",
    3: "tie",
    0: "tie",
  };

  function meaning(name) {
    if (isReading()) {
      return ["Enter", " ", "Escape"].includes(name) ? "close" : null;
    }
    const kind = view().dataset.view;
    if (kind === "done") {
      return KEYS[name];
    }
    const isAnswered = kind === "practice" && !view().querySelector(".feedback").hidden;
    if ((kind !== "item" && kind !== "practice") || isAnswered) {
      return null;
    }
    const isPair = view().dataset.kind === "ab_test";
    const points = TENS[name] || (/^[1-9]$/.test(name) ? name : undefined);
    const answer = isPair ? PAIR_KEYS[name] : points;
    return KEYS[name] || (kind === "item" && ITEM_KEYS[name]) || answer;
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) {
      return;
    }
    if (isRemarking()) {
      if (event.key === "Escape") {
        remark(false);
      }
      return;
    }
    const input = meaning(named(event));
    if (input) {
      event.preventDefault();
      // A held key answers one item only, and may scroll on.
      if (!event.repeat || input === "more" || input === "back") {
        act(input, null);
      }
    }
  });

  addEventListener("beforeunload", (event) => {
    if (pack && !pack.isKept()) {
      event.preventDefault();
    }
  });

  // What was not sent when the page was closed comes first.
  async function begin() {
    draft = blank();
    marks();
    if (pack) {
      pack.restore();
      show(pack.first(), "");
      read(!pack.isBegun());
      return;
    }
    const left = words.place ? unsent.read() : null;
    if (left) {
      given = left;
      if (reading) {
        reading.hidden = true;
        desk.hidden = false;
      }
      const reply = await deliver(left);
      if (reply.status === 200) {
        show(reply.html, words.recorded);
      } else {
        answered(reply);
      }
      return;
    }
    if (isReading()) {
      read(true);
    } else {
      tell("");
      comesIntoView();
    }
  }

  begin();
})();
