// Keeps a page fresh in its place, and makes the form of the status page answer while one types.
// Without this script the pages work all the same: by their links, the form, and reloading.
"use strict";

(() => {
  const PERIOD_MS = 10_000;
  const TYPING_MS = 120;
  const stale = document.getElementById("stale");
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

  function mergeRow(old, fresh) {
    // Cell by cell: what did not change is not laid out again, and keeps the focus by itself.
    for (const { name, value } of fresh.attributes) old.setAttribute(name, value);
    const cells = Array.from(fresh.children);
    Array.from(old.children).forEach((cell, at) => {
      if (!cell.isEqualNode(cells[at])) swap(cell, cells[at]);
    });
  }

  function mergeRows(old, fresh) {
    // An endpoint may be called what a heading is.
    const key = (row) => `${row.className} ${row.dataset.key}`;
    const known = new Map(Array.from(old.children, (row) => [key(row), row]));
    let place = old.firstElementChild;
    for (const row of Array.from(fresh.children)) {
      let node = known.get(key(row));
      known.delete(key(row));
      if (!node) {
        node = document.adoptNode(row);
      } else {
        mergeRow(node, row);
      }
      if (node === place) place = place.nextElementSibling;
      else old.insertBefore(node, place);
    }
    for (const gone of known.values()) gone.remove();
  }

  function tell(trouble) {
    stale.textContent = trouble;
    stale.hidden = false;
  }

  async function refresh() {
    const mine = ++newest;
    let text;
    try {
      const response = await fetch(location.href);
      if (!response.ok) {
        tell(response.status === 404 ? stale.dataset.gone : `${stale.dataset.refused} (${response.status})`);
        return;
      }
      text = await response.text();
    } catch {
      tell(stale.dataset.silent);
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
