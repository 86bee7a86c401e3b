import { setImmediate } from 'node:timers/promises'
import pg from 'pg'
import t from 'tap'
import { toVerifiedUrl } from '../../../src/storage/postgres/verified-url.ts'

const base = 'postgres://sharewell:p%23ss@db.example.org:5432/sharewell'

t.test('a URL that asks for encryption verifies the database’s certificate, without a warning', async t => {
  const warnings: string[] = []
  const note = ({ message }: Error) => warnings.push(message)
  process.on('warning', note)
  for (const mode of ['prefer', 'require', 'verify-ca', 'verify-full']) {
    const url = toVerifiedUrl(`${base}?connect_timeout=5&sslmode=${mode}&application_name=x`)
    t.equal(url, `${base}?connect_timeout=5&sslmode=verify-full&application_name=x`)
    const { ssl } = new pg.Client({ connectionString: url }) as unknown as { ssl: { rejectUnauthorized?: boolean } }
    t.not(ssl.rejectUnauthorized ?? true, false, mode)
  }
  await setImmediate()
  process.off('warning', note)
  t.same(warnings, [])
})

t.test('a URL that says otherwise stays as it is', async t => {
  for (const query of ['', '?sslmode=disable', '?sslmode=no-verify', '?uselibpqcompat=true&sslmode=require'])
    t.equal(toVerifiedUrl(`${base}${query}`), `${base}${query}`)
})
