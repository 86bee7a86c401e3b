const longest = 500

/**
 * "Values for the "error_description" parameter MUST NOT include characters outside the set %x20-21 / %x23-5B / %x5D-7E."
 * https://www.rfc-editor.org/rfc/rfc6749#section-5.2
 */
export const errorDescription = (text: string): string =>
  text
    .replaceAll(/["“”’]/g, "'")
    .replaceAll('±', '+/-')
    .replaceAll(/[^ -[\]-~]/g, '?')
    .slice(0, longest)
