/** How long a link in a letter to an address works. */
export const linkMinutes = 24 * 60
