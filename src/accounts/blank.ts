/** Nothing that anybody would see: spaces, and marks of which text editors know, such as those that turn the direction of what follows. */
export const isBlank = (text: string): boolean => !/[\p{L}\p{N}\p{P}\p{S}]/u.test(text)
