import t from 'tap'
import { isSimplePath } from '../../../src/fhir/patch/simple-path.ts'

t.test('a path can use few functions, however these are written, and no variables', async t => {
  const simple = [
    'Patient.name[0].given',
    "Patient.name.where(use = 'official' and given.exists()).first()",
    "Patient.birthDate.extension('http://e.example/a').value",
    "Patient.name.where(family = 'repeat(x) and %context')",
    'Patient.name.where(',
  ]
  for (const path of simple) t.equal(isSimplePath(path), true, path)
  const others = [
    'Patient.repeat(contact)',
    'Patient.`repeat`(contact)',
    'Patient.repeat/* */(contact)',
    'Patient.repeat // then\n (contact)',
    "Patient.name.where('aaaa!'.`matches`('(a+)+$'))",
    'Patient.name.where(%context.name.exists())',
    'Patient.name.where(%`resource`.name.exists())',
    `Patient.${'name.'.repeat(200)}given`,
  ]
  for (const path of others) t.equal(isSimplePath(path), false, path)
})
