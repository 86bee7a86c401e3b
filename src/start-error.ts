/** Why the server does not start, in one line for its operator: printed as it is, without a stack. */
export const startError = (line: string, cause?: unknown): Error =>
  Object.assign(new Error(line, { cause }), { name: startErrorName })

export const isStartError = (error: unknown): error is Error => error instanceof Error && error.name === startErrorName

const startErrorName = 'StartError'
