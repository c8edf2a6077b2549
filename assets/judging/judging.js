// The judging page in a browser: shows one item after the other, and keeps what is answered until it is on disk.
//
// Items come as fragments of HTML that were made elsewhere; this script makes none. It knows what a page shows and
// nothing more. What is sent carries a key of its own, so that sending it again counts once.
(() => {
  "use strict";

  // In milliseconds: after so long without a sign somebody is away; a page is in view so long before an answer can be
  // meant for it; an answer is acknowledged so long; after a key that came too early, so long a silence.
  const AWAY = 120000;
  const SEEN = 200;
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

  let draft = [null, null, null];
  // What is being sent, or acknowledged; null while something can be given.
  let given = null;
  let shownSince = null;
  let quietUntil = 0;
  let pace = [];

  const view = () => desk.firstElementChild;
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
    shownSince = null;
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        shownSince = performance.now();
        attend(false);
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
    for (const scale of view().querySelectorAll(".scale")) {
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
    draft = [null, null, null];
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
      if (draft.every((score) => score !== null)) {
        draft[2] = null;
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
    const near = (score, at) => Math.abs(score - Number(usual[at])) <= 1;
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
    if (at < 0) {
      return;
    }
    draft[at] = points;
    marks();
    if (draft.every((score) => score !== null) && isPractice()) {
      practise(draft);
    } else if (draft.every((score) => score !== null)) {
      const [empathy, relevance, fluency] = draft;
      send({ answer: { rating: { empathy, relevance, fluency } } }, null, true);
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
    const isAnswer = ["left", "right", "tie", "skip"].includes(input) || /^[1-5]$/.test(input);
    if (isAnswer) {
      if (!isMeant(performance.now())) {
        return;
      }
      if (input === "skip") {
        send("skip", "skip", true);
      } else if (/^[1-5]$/.test(input)) {
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
    if (event.key.length !== 1 || /^[a-z0-9?]$/i.test(event.key)) {
      return event.key.length === 1 ? event.key.toLowerCase() : event.key;
    }
    const at = /^(?:Key|Digit|Numpad)([A-Z0-9])$/.exec(event.code);
    return at ? at[1].toLowerCase() : event.key;
  }

  const KEYS = { "?": "read", i: "read", u: "undo", Backspace: "undo" };
  const ITEM_KEYS = { s: "skip", f: "flag", c: "comment" };
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
    const answer = isPair ? PAIR_KEYS[name] : /^[1-5]$/.test(name) ? name : undefined;
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
      // A held key answers one item only.
      if (!event.repeat) {
        act(input, null);
      }
    }
  });

  // What was not sent when the page was closed comes first.
  async function begin() {
    marks();
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
