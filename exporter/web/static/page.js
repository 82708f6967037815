// Keeps a page fresh in its place, and makes the form of the status page answer while one types.
// Without this script the pages work all the same: by their links, the form, and reloading.
"use strict";

(() => {
  const PERIOD_MS = 10_000;
  const TYPING_MS = 200;
  let newest = 0;

  function refocus(old, fresh) {
    // The element at the same place takes over the focus, and the page does not jump.
    if (!old.contains(document.activeElement)) return () => {};
    const reachable = "a[href], button, input, select, summary";
    const place = Array.from(old.querySelectorAll(reachable)).indexOf(document.activeElement);
    return () => fresh.querySelectorAll(reachable)[place]?.focus({ preventScroll: true });
  }

  function swap(old, fresh) {
    const node = document.adoptNode(fresh);
    const focus = refocus(old, node);
    old.replaceWith(node);
    focus();
    return node;
  }

  function mergePart(old, fresh) {
    for (const open of old.querySelectorAll("details[open][id]")) {
      const same = fresh.querySelector(`#${CSS.escape(open.id)}`);
      if (same) same.open = true;
    }
    if (old.isEqualNode(fresh)) return;
    if (old.getAttribute("role") === "status") old.textContent = fresh.textContent; // so that it is read out
    else swap(old, fresh);
  }

  function mergeRows(old, fresh) {
    const known = new Map(Array.from(old.children, (row) => [row.dataset.key, row]));
    let place = old.firstElementChild;
    for (const row of Array.from(fresh.children)) {
      let node = known.get(row.dataset.key);
      known.delete(row.dataset.key);
      if (!node) {
        node = document.adoptNode(row);
      } else if (!node.isEqualNode(row)) {
        const here = node === place;
        node = swap(node, row);
        if (here) place = node;
      }
      if (node === place) place = place.nextElementSibling;
      else old.insertBefore(node, place);
    }
    for (const gone of known.values()) gone.remove();
  }

  async function refresh() {
    const mine = ++newest;
    const stale = document.getElementById("stale");
    let text;
    try {
      const response = await fetch(location.href);
      if (!response.ok) throw new Error(response.statusText);
      text = await response.text();
    } catch {
      stale.hidden = false;
      return;
    }
    if (mine !== newest) return; // another view was asked for in the meantime
    stale.hidden = true;
    const fresh = new DOMParser().parseFromString(text, "text/html");
    for (const part of fresh.querySelectorAll("[data-live]")) {
      const old = document.getElementById(part.id);
      if (old) mergePart(old, part);
    }
    const rows = document.querySelector("[data-rows]");
    if (rows) mergeRows(rows, fresh.querySelector("[data-rows]"));
  }

  function beat() {
    // Whoever is marking text to copy it is left alone.
    if (!document.hidden && getSelection().isCollapsed) refresh();
  }

  setInterval(beat, PERIOD_MS);
  document.addEventListener("visibilitychange", beat);

  const form = document.getElementById("view");
  if (!form) return;

  function show() {
    const view = new URLSearchParams(new FormData(form));
    for (const [name, value] of Array.from(view)) if (!value) view.delete(name);
    history.replaceState(null, "", `?${view}`);
    refresh();
  }

  let typing;
  form.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(show, TYPING_MS);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    show();
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("#headings a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    form.elements.sort.value = new URL(link.href).searchParams.get("sort") ?? "";
    show();
  });
})();
