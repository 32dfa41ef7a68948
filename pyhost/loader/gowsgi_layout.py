"""A report of gowsgi_report.py as HTML, JSON or text. Embedded as `_gowsgi_layout`.

    render(report, kind) -> (content type, content security policy or "", bytes)

HTML is made by tag() alone, which escapes every string that it is given: there is no way to
forget it. The page loads nothing from anywhere.
"""

import json
import os


def render(report, kind):
    if kind == "json":
        return "application/json", "", json.dumps(report, indent=1).encode() + b"\n"
    if kind == "text":
        return "text/plain; charset=utf-8", "", _encode(text(report))
    nonce = os.urandom(18).hex()
    # connect-src: a live reload that the server adds asks the server when to come back.
    policy = (f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'; "
              "base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
    return "text/html; charset=utf-8", policy, _encode(html(report, nonce))


def _encode(page):
    return page.encode("utf-8", "backslashreplace")


# --- text --------------------------------------------------------------------------


def text(report):
    """What the copy button copies, and curl gets."""
    request = report["request"]
    lines = [report["traceback"].rstrip("\n"), ""]
    for frame in _telling(report["exceptions"][0]["frames"]):
        if frame["locals"]:
            lines.append(f'{frame["file"]}:{frame["line"]}, {frame["function"]}:')
            lines += [f"    {name} = {value}" for name, value in frame["locals"]]
            lines.append("")
    lines.append(f'{request["method"]} {request["url"]} {request["protocol"]}')
    lines += [f"    {name}: {value}" for name, value in request["headers"]]
    for title in ("args", "form"):
        lines += [f"    {title}: {name} = {value}" for name, value in request[title]]
    if request["body"]:
        lines.append(f'    body: {request["body"]}')
    return "\n".join(lines) + f'\n\nPython {report["python"]}\n'


def _telling(frames):
    """The app's own frames, or the innermost if there is none."""
    return [f for f in frames if not f["library"]] or frames[-1:]


# --- HTML --------------------------------------------------------------------------


class Markup(str):
    """What needs no escape any more. Made by tag(), and from constants of this file."""


def escape(value):
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#39;")):
        value = value.replace(character, entity)
    return value


def tag(name, *children, **attributes):
    """An element. A None among the attributes is left out; class_ is class."""
    words = "".join(f' {key.rstrip("_")}="{escape(str(value))}"' for key, value in attributes.items() if value is not None)
    inside = "".join(c if type(c) is Markup else escape(str(c)) for c in children)
    return Markup(f"<{name}{words}>{inside}</{name}>")


def html(report, nonce):
    title = f'{report["type"]}: {report["message"]}' if report["message"] else report["type"]
    request = report["request"]
    head = tag("head", Markup('<meta charset="utf-8"><meta name="viewport" content="width=device-width">'),
               tag("title", title.splitlines()[0][:200]), tag("style", _STYLE, nonce=nonce))
    body = tag("body",
               tag("header", tag("h1", report["type"]), tag("pre", report["message"], class_="message"),
                   tag("p", f'{request["method"]} {request["url"]}'),
                   tag("button", "Copy as text", id="copy", type="button")),
               *[_exception(e) for e in report["exceptions"]],
               tag("section", tag("h2", "Request"), _table("Headers", request["headers"]), _table("Arguments", request["args"]),
                   _table("Form", request["form"]), tag("p", f'Body: {request["body"]}') if request["body"] else "",
                   tag("p", f'From {request["remote"]}, {request["protocol"]}')),
               tag("details", tag("summary", "As text"), tag("pre", text(report), id="text"), id="plain"),
               tag("footer", f'gowsgi --dev, Python {report["python"]}. Names that look like secrets are masked.'),
               tag("script", _SCRIPT, nonce=nonce))
    return Markup("<!DOCTYPE html>\n") + tag("html", head, body, lang="en")


def _exception(e):
    shown = _telling(e["frames"])
    title = tag("h2", f'{e["type"]}', tag("small", f' {e["relation"]}')) if e["relation"] else ""
    message = tag("pre", e["message"], class_="message") if e["relation"] else ""
    return tag("section", title, message, *[tag("pre", note, class_="note") for note in e["notes"]],
               *[_frame(f, any(f is s for s in shown)) for f in e["frames"]])


def _frame(frame, is_open):
    place = f'{frame["file"]}:{frame["line"]}' if frame["file"] else ""
    source = [tag("span", f"{number:>5} {line}\n", class_="here" if number == frame["line"] else None)
              for number, line in frame["source"]]
    return tag("details", tag("summary", tag("b", frame["function"]), " ", tag("code", place)),
               tag("pre", *source, class_="source") if source else "", _table("", frame["locals"]),
               open="" if is_open else None, class_="library" if frame["library"] else None)


def _table(title, pairs):
    if not pairs:
        return ""
    rows = [tag("tr", tag("th", name), tag("td", tag("code", value))) for name, value in pairs]
    return tag("table", tag("caption", title) if title else "", *rows)


_STYLE = Markup("""
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 20%, transparent); }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 0 auto; padding: 1rem; }
pre, code { font: 13px/1.5 ui-monospace, monospace; }
pre { overflow-x: auto; margin: .5rem 0; }
h1 { margin: 0; color: #c33; }
.message { white-space: pre-wrap; font-weight: bold; }
.note { white-space: pre-wrap; border-left: 3px solid #c33; padding-left: .5rem; }
details { border: 1px solid var(--line); border-radius: 4px; margin: .5rem 0; padding: .3rem .6rem; }
summary { cursor: pointer; overflow-wrap: anywhere; }
.library > summary { opacity: .65; }
.source span { display: block; }
.source .here { background: #c334; font-weight: bold; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; }
caption { text-align: left; font-weight: bold; }
th { text-align: left; vertical-align: top; padding-right: 1rem; font-weight: normal; white-space: nowrap; }
td { overflow-wrap: anywhere; width: 100%; }
tr { border-top: 1px solid var(--line); }
#text { white-space: pre-wrap; }
""")

# The clipboard is there on localhost and with HTTPS. Elsewhere (--dev-remote) the old way works.
_SCRIPT = Markup("""
document.getElementById("copy").onclick = async event => {
  const text = document.getElementById("text");
  let copied = true;
  try {
    await navigator.clipboard.writeText(text.textContent);
  } catch {
    document.getElementById("plain").open = true;
    getSelection().selectAllChildren(text);
    copied = document.execCommand("copy");
  }
  event.target.textContent = copied ? "Copied" : "Press Ctrl-C to copy";
};
""")
