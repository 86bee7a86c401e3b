/** How long the link of a letter to an address works. */
export const linkMinutes = 24 * 60
