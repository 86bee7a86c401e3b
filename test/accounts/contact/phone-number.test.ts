import t from 'tap'
import { isPhoneNumber } from '../../../src/accounts/contact/phone-number.ts'

t.test('what people can dial is a phone number, however it is grouped', async t => {
  for (const text of [
    '+15005550006',
    '+1 (500) 555-0006',
    '500.555.0006',
    '+49 (0)30 / 1234 56‑78',
    '0041 44 123 45 67',
    '(02) 9876 5432',
    '011 44 20 7946 0958 ext. 12',
    '+1 500 555 0006 x12',
    '+1 500 555 0006, extension 4',
    '4711',
    '٠١٢٣٤٥٦٧٨٩',
  ])
    t.equal(isPhoneNumber(text), true, text)
})

t.test('what nobody can dial is none', async t => {
  for (const text of [
    '',
    'ask Rita',
    'rita@example.org',
    '12',
    '+',
    '1-800-FLOWERS',
    '+1 500 555 0006 or +1 500 555 0007',
    '123456789012345678901234567890',
    '+1 500 555 0006 ext.',
    '<b>500 555 0006</b>',
  ])
    t.equal(isPhoneNumber(text), false, text)
})
