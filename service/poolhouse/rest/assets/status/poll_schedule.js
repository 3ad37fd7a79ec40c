// When to read /metrics next.

export const INTERVAL_MS = 2000;
const LONGEST_MS = 30000;
// A key whose quota is used up may have to wait longer than a service that is gone, and not for ever.
const LONGEST_ASKED_MS = 300000;

/**
 * The wait before the next reading.
 *
 * @param {number} failures how many readings have failed since the last that did not.
 * @param {string | null} retryAfter the response's header of that name.
 */
export function waitBeforeNext(failures, retryAfter = null) {
  const wait = Math.min(INTERVAL_MS * 2 ** Math.min(failures, 20), LONGEST_MS);
  const asked = 1000 * Number(retryAfter ?? NaN);
  return asked > wait ? Math.min(asked, LONGEST_ASKED_MS) : wait;
}
