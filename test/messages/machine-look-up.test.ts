import t from 'tap'
import type { LookUp } from '../../src/messages/look-up.ts'
import { openMachineLookUp } from '../../src/messages/machine-look-up.ts'

const addressOf = (lookUp: LookUp, host: string, options: Parameters<LookUp>[1] = {}): Promise<unknown> =>
  new Promise((resolve, reject) => lookUp(host, options, (error, found) => (error ? reject(error) : resolve(found))))

/** A machine whose name servers know every host, once they are told to answer. */
const openMachine = () => {
  const asked: string[] = []
  const answers: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = []
  const lookUp = openMachineLookUp(host => {
    asked.push(host)
    return new Promise((resolve, reject) => {
      answers.push({ resolve: () => resolve([{ address: '10.1.2.3', family: 4 }]), reject })
    })
  })
  return { lookUp, asked, answers }
}

t.test('hosts for which nobody answers keep one thread, however many ask for them', async t => {
  const { lookUp, asked, answers } = openMachine()
  const ends = ['sms.test', 'sms.test', 'ehr.test', 'sms.test', 'ehr.test'].map(host => addressOf(lookUp, host))
  await new Promise(setImmediate)
  t.strictSame(asked, ['sms.test'])
  answers[0]?.resolve()
  t.strictSame(await ends[0], '10.1.2.3')
  await new Promise(setImmediate)
  t.strictSame(asked, ['sms.test', 'ehr.test'])
  answers[1]?.resolve()
  t.strictSame(await Promise.all(ends), Array(5).fill('10.1.2.3'))
})

t.test('a host that is not found is told to all who asked, holds up no other, and is looked for again', async t => {
  const { lookUp, asked, answers } = openMachine()
  const lost = [addressOf(lookUp, 'sms.test'), addressOf(lookUp, 'sms.test')]
  const found = addressOf(lookUp, 'ehr.test', { all: true })
  await new Promise(setImmediate)
  answers[0]?.reject(new Error('EAI_AGAIN'))
  for (const one of lost) await t.rejects(one, { message: 'EAI_AGAIN' })
  await new Promise(setImmediate)
  answers[1]?.resolve()
  t.strictSame(await found, [{ address: '10.1.2.3', family: 4 }])
  const again = addressOf(lookUp, 'sms.test')
  await new Promise(setImmediate)
  answers[2]?.resolve()
  t.strictSame(await again, '10.1.2.3')
  t.strictSame(asked, ['sms.test', 'ehr.test', 'sms.test'])
})

t.test('a host without an address of the family is not found in it', async t => {
  const { lookUp, answers } = openMachine()
  const asked = addressOf(lookUp, 'sms.test', { family: 6 })
  await new Promise(setImmediate)
  answers[0]?.resolve()
  await t.rejects(asked, { message: 'sms.test has no address of IPv6' })
})
