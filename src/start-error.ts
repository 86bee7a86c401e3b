/** Why the server does not start, in one line for its operator: printed as it is, without a stack. */
export const startError = (line: string, cause?: unknown): Error =>
  Object.assign(new Error(line, { cause }), { name: startErrorName })

/** Undefined if it is a fault. */
export const startLineOf = (error: unknown): string | undefined => {
  if (isStartError(error)) return error.message
  if (isOutOfRoom(error)) return `A disk has no room left, the one of the database or of DATA_DIR: ${error.message}`
  return isOutOfFiles(error) ? tooFewFiles : undefined
}

export const isStartError = (error: unknown): error is Error => error instanceof Error && error.name === startErrorName

const startErrorName = 'StartError'

/** Whatever is opened first beyond the limit fails; the least that it starts with is some 120. */
export const tooFewFiles = 'Too few files may be open at a time: allow 1024 (ulimit -n)'

const isOutOfFiles = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'EMFILE'

/** As PostgreSQL says it (disk_full), and as the operating system does. */
const isOutOfRoom = (error: unknown): error is Error =>
  error instanceof Error && 'code' in error && (error.code === '53100' || error.code === 'ENOSPC')
