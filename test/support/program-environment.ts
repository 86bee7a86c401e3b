/** What a program of ours needs of the environment wherever it runs, and what makes it start faster in tests. */
export const programEnvironment = {
  PATH: process.env.PATH,
  ...(process.env.NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE }),
}
