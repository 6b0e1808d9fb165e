// What a page that is open does when an answer is no part of it: it stays as it is, and says so.

const isPart = (answer) => (answer.headers.get("content-type") ?? "").startsWith("text/html");

// Whoever is there signs in by a click and is led back; an empty desk does not sign in by itself.
export function toSignIn() {
  location.assign(`/sign-in/ended?return_to=${encodeURIComponent(location.pathname + location.search)}`);
}

// ``unanswered(element)``: the service did not answer, or failed; ``refused(words)``: it would not do it; ``answered()``.
export function watchAnswers({ unanswered, refused, answered }) {
  document.addEventListener("htmx:after:request", (event) => {
    const { response, text } = event.detail.ctx;
    if (response.status < 400 || isPart(response)) return;
    // htmx would put the words of a problem in the place of what is shown
    event.preventDefault();
    if (response.status === 401) return toSignIn();
    if (response.status < 500) refused(told(text));
  });
  document.addEventListener("htmx:finally:request", (event) => {
    const { response, sourceElement } = event.detail.ctx ?? {};
    if (!response || response.status >= 500) unanswered(sourceElement);
    else if (response.status < 400) answered();
  });
}

function told(text) {
  try {
    const { title, detail } = JSON.parse(text);
    return detail && detail !== title ? `${title}: ${detail}.` : `${title}.`;
  } catch {
    return "It was refused.";
  }
}
