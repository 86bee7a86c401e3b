/**
 * How many letters one page may have, and the answer to a whole Bundle of requests. Unless `MAX_BODY_BYTES` is set, a page may be as long as
 * the longest body that is accepted, so that whatever was sent in one body can be answered in one page.
 */
export const roomOfPage = 33_554_432
export const roomOfBundle = 4 * roomOfPage
