// The socket of the dashboard: reconnects with backoff and jitter, and says openly when it is not live.
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;
const SILENCE_MS = 50_000; // the server beats every 20 s; two missed beats and some are a dead line
const CLOSE_NOT_ALLOWED = 4403;

const badge = document.getElementById("live");
const WORDS = { connecting: "Connecting", on: "Live", off: "Reconnecting", denied: "Not live" };

function show(state) {
  if (!badge) return;
  badge.hidden = false;
  badge.className = `socket ${state}`;
  badge.lastElementChild.textContent = WORDS[state];
}

/** Open the socket and hand every frame to `handle(event, data, at)`; `onState` hears "on" and "off". `page` is what the page calls itself to the socket. */
export function connect(handle, onState = () => {}, page = "") {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  let failures = 0;
  let watchdog;
  const open = () => {
    const socket = new WebSocket(`${scheme}//${location.host}/ws/dashboard/${page && `?page=${page}`}`);
    const listen = () => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => socket.close(), SILENCE_MS);
    };
    listen();
    socket.addEventListener("message", (message) => {
      listen();
      const { event, data, at } = JSON.parse(message.data);
      if (event === "snapshot") {
        failures = 0;
        show("on");
        onState("on", at);
      }
      handle(event, data, at);
    });
    socket.addEventListener("close", (closed) => {
      clearTimeout(watchdog);
      if (closed.code === CLOSE_NOT_ALLOWED) {
        show("denied");
        return;
      }
      show("off");
      onState("off");
      const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** failures);
      failures += 1;
      setTimeout(open, wait * (0.5 + Math.random() / 2));
    });
  };
  show("connecting");
  open();
}
