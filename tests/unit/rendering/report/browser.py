"""A page in headless Chromium: at several widths, driven by a script, with its console and what it loaded."""

import html
import json
import re
import shutil
import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
FRAMES = """<!doctype html><meta charset=utf-8><link rel=icon href="data:,"><body><script>
const visit = SCRIPT;
(async () => {
  const found = [];
  for (const width of WIDTHS) {
    const frame = document.createElement("iframe");
    frame.width = width; frame.height = 844; frame.src = "PAGE";
    const loaded = new Promise((done) => frame.addEventListener("load", done));
    document.body.append(frame);
    await loaded;
    found.push(await visit(frame.contentWindow, frame.contentDocument));
  }
  const told = document.createElement("pre");
  told.id = "found"; told.textContent = JSON.stringify(found);
  document.body.append(told);
})();
</script></body>"""


class Visit(NamedTuple):
    """What the script returned at each width, the lines of the console, and the paths that were fetched."""

    found: list
    console: list[str]
    fetched: list[str]


class Handler(SimpleHTTPRequestHandler):
    """Serves one folder and notes what was asked of it."""

    def __init__(self, *args, fetched, **kwargs):
        self.fetched = fetched
        super().__init__(*args, **kwargs)

    def log_request(self, code="-", size="-"):
        self.fetched.append(self.path)

    def log_message(self, *args):
        """Stay silent."""


def visit(page: Path, script: str, widths: tuple[int, ...], *options: str) -> Visit:
    """Open `page` in a frame of each width (a window is never narrower than 500 pixels, a frame is) and run `script`.

    `script` is an async function of the frame's window and document; the page itself is left as it is.
    """
    fetched: list[str] = []
    text = FRAMES.replace("SCRIPT", script).replace("WIDTHS", json.dumps(widths)).replace("PAGE", page.name)
    (page.parent / "frames.html").write_text(text, encoding="utf-8")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, fetched=fetched, directory=str(page.parent)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-proxy-server"]
        command += [f"--user-data-dir={page.parent / 'profile'}", "--enable-logging=stderr", "--log-level=0", *options]
        command += ["--virtual-time-budget=10000", "--dump-dom", f"http://127.0.0.1:{server.server_port}/frames.html"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    finally:
        server.shutdown()
        server.server_close()
    told = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)
    assert told, f"the script did not end: {done.stderr[-2000:]}"
    console = [line.partition("CONSOLE")[2] for line in done.stderr.splitlines() if ":CONSOLE" in line]
    return Visit(json.loads(html.unescape(told[1])), console, fetched)
