/** The locks of one kind that are asked for, and whether others may hold them at the same time. */
export type Keys = ReadonlyMap<string, 'shared' | 'exclusive'>

export const exclusive = (keys: Iterable<string | number>): Keys =>
  new Map([...keys].map(key => [`${key}`, 'exclusive']))

export const shared = (keys: Iterable<string | number>): Keys => new Map([...keys].map(key => [`${key}`, 'shared']))

/** Of several that are taken in one statement, all are exclusive if one is. */
export const isShared = (keys: Keys): boolean => ![...keys.values()].includes('exclusive')
