import t from 'tap'
import { deviceOf } from '../../../src/accounts/sign-in/device.ts'

t.test('a browser is described by its name and operating system', async t => {
  const known = {
    'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0': 'Firefox on Linux',
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0':
      'Edge on Windows',
    'Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36':
      'Chrome on Android',
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1':
      'Safari on iPhone',
    'curl/8.0': 'Unknown browser',
    'Something (Windows)': 'Browser on Windows',
  }
  for (const [userAgent, device] of Object.entries(known)) t.equal(deviceOf(userAgent), device)
  t.equal(deviceOf(undefined), 'Unknown browser')
})
