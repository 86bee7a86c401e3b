import t from 'tap'
import { toldApart } from '../../../src/web/patient/told-apart.ts'

t.test('names that several have get a number in the order of their keys, and others stay', t => {
  const patches = [
    { name: 'Patch', key: 'Device/b' },
    { name: 'Cuff', key: 'Device/c' },
    { name: 'Patch', key: 'Device/a' },
    { name: 'Patch', key: 'Device/b' },
  ]
  t.strictSame(toldApart(patches), ['Patch (2)', 'Cuff', 'Patch (1)', 'Patch (2)'])
  t.end()
})
