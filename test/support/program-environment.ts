/** What a program of ours needs of the environment wherever it runs, and what has it start sooner in tests. */
export const programEnvironment = {
  PATH: process.env.PATH,
  ...(process.env.NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE }),
}
