/**
 * What is made of each, in their order. When much goes on, each question to the database waits for its turn, and a page that asked one after the other
 * would wait as often; a page that asked all at once would keep the database from everybody else. Nothing is begun any more once one has failed.
 */
export const fewAtOnce = async <One, Made>(
  all: readonly One[],
  make: (one: One) => Promise<Made>,
): Promise<readonly Made[]> => {
  const made: Made[] = []
  const left = all.entries()
  let hasFailed = false
  const makeNext = async (): Promise<void> => {
    for (const [place, one] of left) {
      if (hasFailed) return
      made[place] = await make(one)
    }
  }
  const lanes = Array.from({ length: most }, () =>
    makeNext().catch(error => {
      hasFailed = true
      throw error
    }),
  )
  await Promise.all(lanes)
  return made
}

const most = 2
