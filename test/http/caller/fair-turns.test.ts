import t from 'tap'
import { type FairTurns, type Leave, openFairTurns } from '../../../src/http/caller/fair-turns.ts'

/** Ten connections, and a clock that the test sets. */
const openTen = (connections = 10) => {
  let ms = 0
  const turns = openFairTurns(connections, () => ms)
  const begun: { readonly key: string; readonly leave: Leave }[] = []
  /** Everybody asks something else, unless it is said what. */
  const ask = (key: string, times = 1, asked: Partial<Parameters<FairTurns['enter']>[2]> = {}) => {
    const begin = (leave: Leave) => begun.push({ key, leave })
    for (let count = 0; count < times; count += 1) turns.enter(key, begin, { like: `of ${key}`, ...asked })
  }
  const end = (key: string) => {
    const place = begun.findIndex(one => one.key === key)
    begun.splice(place, 1)[0]?.leave()
  }
  const endAll = (key: string) => {
    while (begun.some(one => one.key === key)) end(key)
  }
  const known = (...keys: readonly string[]) => {
    for (const key of keys) {
      ask(key)
      end(key)
    }
  }
  const working = () => begun.map(({ key }) => key)
  const count = (key: string) => working().filter(one => one === key).length
  return {
    turns,
    ask,
    known,
    end,
    endAll,
    working,
    count,
    wait: (seconds: number) => {
      ms += seconds * 1000
    },
  }
}

t.test('one caller has at most four fifths of the connections, and others have the rest', async t => {
  const { known, ask, count, end } = openTen()
  known('ann', 'ben', 'slow 0')
  ask('ann', 20)
  t.equal(count('ann'), 8)
  ask('ben', 3)
  t.equal(count('ben'), 1, 'the last fifth is for those who have none')
  ask('carl')
  t.equal(count('carl'), 1)
  ask('dora')
  t.equal(count('dora'), 0, 'there are no more connections')
  end('ann')
  t.equal(count('dora'), 1, 'then it is the turn of whoever has none')
  t.equal(count('ann'), 7)
})

t.test('of those who wait, whoever has the fewest comes first, however many requests others have sent', async t => {
  const { known, ask, working, end } = openTen(5)
  known('ann', 'ben', 'slow 0')
  ask('ann', 30)
  ask('ben', 30)
  t.same(working(), ['ann', 'ann', 'ann', 'ann', 'ben'])
  for (let count = 0; count < 3; count += 1) end('ann')
  t.same(working().toSorted(), ['ann', 'ann', 'ben', 'ben'])
  ask('carl')
  t.same(working().toSorted(), ['ann', 'ann', 'ben', 'ben', 'carl'])
})

t.test('whoever keeps turns for long has fewer at once, until that is paid back', async t => {
  const { known, ask, endAll, count, end, wait } = openTen()
  known('ann', 'ben', 'slow 0')
  ask('ann', 8)
  wait(2)
  endAll('ann')
  ask('ben')
  end('ben')
  ask('ann', 8)
  t.equal(count('ann'), 2, 'each was a second too long')
  endAll('ann')
  t.equal(count('ann'), 0)
  wait(60)
  ask('ben')
  end('ben')
  ask('ann', 8)
  t.equal(count('ann'), 8, 'a tenth of the time since counts')
  end('ann')
})

t.test('whoever is alone has as many as ever, and gives way once somebody comes', async t => {
  const { known, ask, endAll, count, end, wait } = openTen()
  known('ben', 'ann')
  wait(11)
  for (let times = 0; times < 5; times += 1) {
    ask('ann', 8)
    t.equal(count('ann'), 8)
    wait(5)
    endAll('ann')
  }
  ask('ann', 20)
  t.equal(count('ann'), 8)
  ask('ben')
  t.equal(count('ben'), 1)
  end('ben')
  for (let left = 7; left > 0; left -= 1) end('ann')
  t.equal(count('ann'), 2)
  wait(11)
  end('ann')
  t.equal(count('ann'), 8, 'nobody else has come for ten seconds')
})

t.test('one long turn, or very many short ones, are owed nothing for', async t => {
  const { known, ask, endAll, count, wait, end } = openTen()
  known('ann', 'ben', 'slow 0')
  ask('ann')
  wait(4)
  end('ann')
  ask('carl')
  end('carl')
  for (let times = 0; times < 100; times += 1) {
    ask('ben', 8)
    wait(0.9)
    endAll('ben')
  }
  known('ann')
  ask('ann', 8)
  t.equal(count('ann'), 8)
  endAll('ann')
  ask('ben', 8)
  t.equal(count('ben'), 8)
})

t.test('all who keep turns for long share a third, and everybody else is let in at once', async t => {
  const { known, ask, count, end, endAll, wait } = openTen()
  known('ann', 'ben', 'slow 0')
  const slow = Array.from({ length: 10 }, (_, index) => `slow ${index}`)
  for (const key of slow) ask(key, 20)
  t.equal(count('slow 0'), 8)
  wait(5)
  for (const key of slow) {
    const had = count(key)
    for (let left = had; left > 0; left -= 1) end(key)
    wait(5)
  }
  const atOnce = () => slow.reduce((sum, key) => sum + count(key), 0)
  for (let rounds = 0; rounds < 30; rounds += 1) {
    wait(5)
    const key = slow.find(one => count(one) > 0)
    if (key === undefined) break
    end(key)
  }
  t.equal(atOnce(), 3)
  ask('ann', 8)
  t.equal(count('ann'), 5, 'and has all but the fifth for those who have none')
  ask('ben')
  t.equal(count('ben'), 1)
  endAll('ann')
  t.equal(atOnce(), 3)
})

t.test('whoever keeps a turn for very long owes while it lasts', async t => {
  const { known, ask, count, wait, end } = openTen()
  known('ann', 'ben', 'slow 0')
  ask('ann', 2)
  wait(3)
  ask('ben')
  end('ben')
  ask('ann', 2)
  t.equal(count('ann'), 2)
})

t.test('whoever goes on with what has begun waits for nobody else', async t => {
  const { known, ask, count } = openTen()
  known('ann', 'ben', 'slow 0')
  ask('ann', 8)
  ask('ben', 2)
  ask('carl')
  ask('carl', 1, { place: 'returning' })
  t.equal(count('carl'), 2)
})

t.test('with a single connection callers take it in turns', async t => {
  const { known, ask, working, end } = openTen(1)
  known('ann', 'ben', 'slow 0')
  ask('ann', 3)
  ask('ben', 2)
  t.same(working(), ['ann'])
  end('ann')
  t.same(working(), ['ben'])
  end('ben')
  t.same(working(), ['ann'])
})

t.test('beside others nobody has more than two before a turn of theirs was short', async t => {
  const { ask, count, end } = openTen()
  ask('finn')
  end('finn')
  for (const key of ['ann', 'ben']) ask(key, 8)
  ask('carl')
  t.same(['ann', 'ben', 'carl'].map(count), [2, 2, 1])
  end('ann')
  t.same(['ann', 'ben', 'carl'].map(count), [5, 2, 1])
})

t.test(
  'however many come at once of whom nothing is known, some connections are left for those who keep none for long',
  async t => {
    const { known, ask, count, working, end } = openTen()
    known('finn')
    for (let number = 0; number < 10; number += 1) ask(`slow ${number}`, 8)
    t.equal(working().length, 6)
    ask('finn', 3)
    t.equal(count('finn'), 2)
    end('finn')
    t.equal(count('finn'), 2)
  },
)

t.test('what is like something that was short for others is let in beside those of whom nothing is known', async t => {
  const { known, ask, count, end } = openTen()
  ask('ann', 1, { like: 'GET Patient' })
  end('ann')
  for (let number = 0; number < 10; number += 1) ask(`slow ${number}`, 8)
  for (const key of ['carl', 'dora', 'eve']) ask(key, 1, { like: 'GET Patient' })
  t.same(['carl', 'dora', 'eve'].map(count), [1, 1, 0], 'two are left to those who are known themselves')
  known('ann')
  ask('ann')
  t.equal(count('ann'), 1)
})

t.test('what lasts long for somebody is expected to do so for others, from then on and for ten minutes', async t => {
  const { ask, endAll, working, wait, count } = openTen()
  const all = Array.from({ length: 10 }, (_, number) => `slow ${number}`)
  const like = 'GET Observation value-string:missing'
  for (const key of all) {
    ask(key)
    endAll(key)
  }
  ask('slow 0', 1, { like })
  wait(2)
  for (const key of all.slice(1)) ask(key, 1, { like })
  t.equal(working().length, 6)
  ask('slow 9')
  t.equal(count('slow 9'), 1, 'and does not hold up what else they ask')
  for (const key of all) endAll(key)
  wait(11 * 60)
  ask('ann', 1, { like })
  t.equal(count('ann'), 1)
})

t.test('however many short requests somebody sends, what else they ask has its turn', async t => {
  const { turns, known, ask, count, end, wait } = openTen()
  const like = 'GET Observation value-string:missing'
  ask('zoe', 1, { like })
  wait(2)
  end('zoe')
  known('loader')
  ask('loader', 8)
  const slow: Leave[] = []
  for (let times = 3; times > 0; times -= 1) turns.enter('loader', leave => slow.push(leave), { like })
  for (let rounds = 4; rounds > 0; rounds -= 1) {
    ask('loader')
    end('loader')
  }
  t.equal(slow.length, 2, 'a few at a time')
  t.equal(count('loader'), 6, 'beside the others')
  slow[0]?.()
  t.equal(slow.length, 3)
})

t.test(
  'neither what is left to do after a long turn nor a turn that was not used is taken for a short one',
  async t => {
    const { turns, ask, end, wait, working } = openTen()
    const all = Array.from({ length: 10 }, (_, number) => `slow ${number}`)
    const like = 'GET Observation value-string:missing'
    for (const key of all) {
      ask(key, 1, { like })
      wait(2)
      end(key)
      ask(key, 1, { like, place: 'returning', isRest: true })
      end(key)
      turns.enter(key, leave => leave({ isUnused: true }), { like })
    }
    for (const key of all) ask(key, 1, { like })
    t.equal(working().length, 6)
  },
)
