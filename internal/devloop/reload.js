// Part of gowsgi --dev: loads the page again when the app was, and shows why it can't be.
(function () {
  "use strict";
  var own = document.currentScript.src;
  if (window.__gowsgi__) return;
  window.__gowsgi__ = true;
  var id = own.split("?")[1], events = own.replace(/reload\.js.*/, "events");
  var isFailure = document.documentElement.hasAttribute("data-gowsgi-failure");
  var stream = null, overlay = null, again = 0;

  function element(name, parent, style, text) {
    var e = document.createElement(name);
    e.style.cssText = style; // by script: a policy for styles has nothing against it
    if (text) e.textContent = text;
    parent.appendChild(e);
    return e;
  }

  function hide() {
    if (overlay) overlay.remove();
    overlay = null;
  }

  function show(failure) {
    hide();
    overlay = element("div", document.body || document.documentElement,
      "all:initial;position:fixed;inset:0;z-index:2147483647;overflow:auto;box-sizing:border-box;padding:24px;" +
      "background:rgba(24,24,27,.96);color:#f4f4f5;font:14px/1.5 ui-monospace,monospace");
    overlay.id = "gowsgi-overlay";
    overlay.setAttribute("role", "alert");
    var close = element("button", overlay, "all:unset;float:right;cursor:pointer;padding:0 8px;font-size:20px", "\u00d7");
    close.setAttribute("aria-label", "close");
    close.onclick = hide;
    element("div", overlay, "color:#fca5a5;font-size:16px;font-weight:bold;white-space:pre-wrap", "The app can't be loaded");
    element("div", overlay, "margin:8px 0;white-space:pre-wrap", failure.message);
    element("pre", overlay, "margin:0;white-space:pre-wrap;font:inherit;color:#d4d4d8", failure.text);
  }

  function told(event) {
    var state = JSON.parse(event.data);
    if (state.id === id) return hide();
    if (state.failure && !isFailure) return show(state.failure);
    close();
    location.reload();
  }

  function close() {
    clearTimeout(again);
    if (stream) stream.close();
    stream = null;
  }

  function open() {
    if (stream || document.hidden) return;
    stream = new EventSource(events);
    stream.onmessage = told;
    stream.onerror = function () {
      if (stream && stream.readyState === 2) { // an answer that was no stream: the browser does not try again
        close();
        again = setTimeout(open, 500);
      }
    };
  }

  // A browser has few connections for a host: tabs that nobody looks at keep none.
  document.addEventListener("visibilitychange", function () {
    if (document.hidden) close(); else open();
  });
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", open);
  open();
})();
