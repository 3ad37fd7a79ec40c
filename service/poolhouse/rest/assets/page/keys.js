// The dialog that asks for an API key. The key is returned and kept nowhere here; the field is emptied at once.

import { byId } from "./dom.js";

/** Ask for a key, saying why: the refusal. Resolves to the key, or to null if the reader gives none. */
export function askForKey(refusal) {
  const dialog = byId("key-dialog");
  const field = byId("key");
  byId("key-reason").textContent = refusal.message;
  field.value = "";
  return new Promise((resolve) => {
    const end = (key) => {
      field.value = "";
      closing.abort();
      dialog.close();
      resolve(key);
    };
    const closing = new AbortController();
    const { signal } = closing;
    byId("key-form").addEventListener("submit", (event) => {
      // The key goes into a header, not into a form's address.
      event.preventDefault();
      const key = field.value.trim();
      if (/^[\x21-\x7e]*$/.test(key)) end(key || null);
      else byId("key-reason").textContent = "An API key has only ASCII letters, digits and signs, without spaces.";
    }, { signal });
    byId("key-cancel").addEventListener("click", () => end(null), { signal });
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      end(null);
    }, { signal });
    dialog.showModal();
    field.focus();
  });
}
