/** Compares names as people expect them in a list: Unit 2 comes before Unit 10. */
export const nameOrder = new Intl.Collator('en', { numeric: true }).compare
