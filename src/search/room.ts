/**
 * Letters that one page has room for, and what a whole Bundle of requests answers. Whatever could come in one body goes out in one
 * page: it is as long as the longest body unless `MAX_BODY_BYTES` says otherwise.
 */
export const roomOfPage = 33_554_432
export const roomOfBundle = 4 * roomOfPage
