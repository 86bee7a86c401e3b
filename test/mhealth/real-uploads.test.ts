import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import t from 'tap'
import { receive, upload } from './upload.ts'

const folder = '../shared/data'
const skip = existsSync(folder) ? false : `${folder} is not there: real uploads were not tried`
const read = (path: string) => JSON.parse(readFileSync(`${folder}/${path}`, 'utf8'))

t.test('the seven example points of JupyterHealth Exchange are taken, bytes unchanged', { skip }, t => {
  const files = readdirSync(`${folder}/jhe/data-points`)
  t.equal(files.length, 7)
  for (const file of files) {
    const document = readFileSync(`${folder}/jhe/data-points/${file}`, 'utf8')
    const { resource, issues } = receive(upload(document))
    t.same(issues, [])
    t.equal(Buffer.from(resource.extension[0].valueAttachment.data, 'base64').toString(), document)
    t.equal(resource.valueAttachment, undefined)
    t.ok(resource.valueQuantity ?? resource.component, file)
  }
  t.end()
})

t.test(
  'a real CommonHealth upload is taken: wrapped base64, hybrid header, version 3.1 under code 4.0',
  { skip },
  t => {
    const { searchset_entry, decoded } = read('jhe/commonhealth-real-observation.json')
    const { resource, issues } = receive(searchset_entry.resource)
    t.same(JSON.parse(Buffer.from(resource.extension[0].valueAttachment.data, 'base64').toString()), decoded)
    t.equal(resource.component[0].valueQuantity.value, 122)
    t.equal(resource.effectiveDateTime, '2024-05-02T07:21:00-07:00')
    t.equal(issues.length, 1)
    t.match(issues[0]?.message, 'the document is version 3.1')
    t.end()
  },
)

t.test('a bare body is taken by the code of its Observation', { skip }, t => {
  const { entry } = read('jhe/batch-upload-body-only-2024.json')
  const { resource, issues } = receive(entry[0].resource)
  t.equal(resource.component[1].valueQuantity.value, 89)
  t.match(issues, [{ message: 'the document is a body without a header' }])
  t.end()
})

t.test('the recommended R4 shape of a blood pressure is what comes out of its document', { skip }, t => {
  const recommended = read('derived/recommended-r4-blood-pressure.json')
  const document = Buffer.from(recommended.extension[0].valueAttachment.data, 'base64').toString()
  const { resource } = receive(
    upload(document, { subject: recommended.subject, device: recommended.device, status: undefined }),
  )
  const { size, hash, ...attachment } = resource.extension[0].valueAttachment
  t.equal(size, Buffer.byteLength(document))
  t.ok(hash)
  resource.extension[0].valueAttachment = attachment
  t.same(resource, recommended)
  t.end()
})

t.test('a day of real glucose points gives a value, a time and a code each', { skip }, t => {
  const { entry } = JSON.parse(
    gunzipSync(readFileSync(`${folder}/derived/bundle-batch-288-cgm-r5-style.json.gz`)).toString(),
  )
  t.equal(entry.length, 288)
  const keys = new Set<string | undefined>()
  for (const { resource: sent } of entry) {
    const { resource, issues, uploadKey } = receive(sent)
    keys.add(uploadKey?.key)
    t.same(issues, [])
    t.ok(resource.valueQuantity.value > 0 && resource.effectiveDateTime)
    t.equal(resource.code.coding[0].code, '99504-3')
  }
  t.equal(keys.size, 288)
  t.end()
})
