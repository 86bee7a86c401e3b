import t from 'tap'
import { inSteps, type Steps } from '../../src/fhir/give-way.ts'

const busyFor = (ms: number): void => {
  const until = performance.now() + ms
  while (performance.now() < until);
}

/** Says each of its pieces, each of which takes a whole turn. */
const pieces = function* (name: string, count: number, said: string[]): Steps<string> {
  for (let piece = 1; piece <= count; piece += 1) {
    said.push(`${name}${piece}`)
    busyFor(25)
    yield
  }
  return name
}

t.test('between two pieces of long work, others are answered, however much work goes on', async t => {
  const said: string[] = []
  let isOver = false
  const answer = (): void => {
    if (isOver) return
    said.push('answer')
    setImmediate(answer)
  }
  const working = Promise.all(['a', 'b', 'c'].map(name => inSteps(pieces(name, 4, said))))
  setImmediate(answer)
  await working
  isOver = true
  const begun = said.indexOf('answer')
  const between = said
    .slice(begun)
    .join(' ')
    .split('answer')
    .map(one => one.trim().split(' ').length)
  t.strictSame(
    between.filter(many => many > 1),
    [],
  )
})

t.test('what has had fewer turns goes on before what takes long, which goes on all the same', async t => {
  const said: string[] = []
  const long = inSteps(pieces('long', 12, said))
  const others = ['a', 'b', 'c', 'd'].map(name => inSteps(pieces(name, 3, said)))
  await Promise.all([long, ...others])
  const longBefore = said.slice(0, said.lastIndexOf('d3')).filter(one => one.startsWith('long')).length
  t.ok(longBefore > 1, 'it goes on meanwhile')
  t.ok(longBefore < 5, 'but not in every turn')
})
