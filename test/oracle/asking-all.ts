/** How many are asked at a time: as many as a server has to answer at once, and as there are cores. */
const together = 4

/** The differences of all questions. */
export const compareAll = async <Question>(
  questions: readonly Question[],
  compare: (question: Question) => Promise<string | undefined>,
): Promise<readonly string[]> => {
  const differences: string[] = []
  let next = 0
  const ask = async (): Promise<void> => {
    for (let question = questions[next++]; question !== undefined; question = questions[next++]) {
      const difference = await compare(question)
      if (difference !== undefined) differences.push(difference)
    }
  }
  await Promise.all(Array.from({ length: together }, ask))
  return differences.sort()
}
