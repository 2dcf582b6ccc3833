// Comfort only: the switches work without it. Remembers them, picks the reader's language first, names the tab.
(() => {
  const page = document.documentElement;
  const remember = (key, value) => { try { localStorage.setItem("kpi-board-" + key, value); } catch { /* private window */ } };
  const recall = (key) => { try { return localStorage.getItem("kpi-board-" + key); } catch { return null; } };
  const reader = (navigator.languages || []).map((tag) => tag.slice(0, 2)).find((tag) => tag === "ja" || tag === "en");
  const choose = (name, value) => {
    const input = document.querySelector(`input[name="${name}"][value="${value}"]`);
    if (input) { input.checked = true; }
  };
  const apply = () => {
    const language = document.querySelector('input[name="language"]:checked').value;
    page.lang = language;
    document.title = document.body.getAttribute("data-title-" + language);
  };
  const asked = new URLSearchParams(location.search);
  choose("language", asked.get("language") || recall("language") || reader || page.dataset.language);
  choose("theme", asked.get("theme") || recall("theme") || "auto");
  document.querySelectorAll(".switch input").forEach((input) => input.addEventListener("change", () => {
    remember(input.name, input.value);
    apply();
  }));
  apply();
  // A link may lead into what is folded away: it is opened before the jump. Some browsers do that by themselves.
  const open = (hash) => { const folded = hash.length > 1 && document.getElementById(hash.slice(1))?.closest("details"); if (folded) { folded.open = true; } };
  document.addEventListener("click", (event) => { const link = event.target.closest?.("a[href^='#']"); if (link) { open(link.hash); } });
  const whole = () => page.classList.add("whole");
  if (location.hash) { whole(); open(location.hash); document.getElementById(location.hash.slice(1))?.scrollIntoView(); }
  addEventListener("load", () => (window.requestIdleCallback ?? setTimeout)(whole));
  // The command stands there to be read and selected; the button spares the selecting.
  document.querySelectorAll("button.copy").forEach((button) => {
    const command = button.parentElement.querySelector("pre");
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(command.innerText.trim());
        const words = button.parentElement.querySelector("template").content;
        button.parentElement.querySelector("[role=status]").replaceChildren(words.cloneNode(true));
      } catch { // no clipboard here: the text is selected, and the reader copies it
        getSelection().selectAllChildren(command);
      }
    });
  });
})();
