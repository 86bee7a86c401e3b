import { spawnSync } from 'node:child_process'
import { chmod, mkdtemp, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { runProgram } from '../support/run-program.ts'

const folder = await mkdtemp(join(tmpdir(), 'sharewell-small-'))
t.teardown(() => rmdir(folder))
const mount = (megabytes: number) =>
  spawnSync('/bin/mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder])
/** Whether nobody uses it any more. */
const unmount = () => spawnSync('/bin/umount', [folder]).status === 0

const canMount = mount(1).status === 0 && unmount()

for (const megabytes of [20, 40, 60])
  t.test(
    `a first start on a disk of ${megabytes} MB says in one line that it has no room, and leaves no PostgreSQL running`,
    { skip: canMount ? false : 'only root can mount a disk' },
    async t => {
      t.equal(mount(megabytes).status, 0)
      // PostgreSQL runs as another user if this one is root.
      await chmod(folder, 0o755)
      const { code, error } = await runProgram(['serve'], { DATA_DIR: join(folder, 'data'), PORT: '0' })
      t.match([code, error], [1, /^[^\n]*(no room left|No space left on device)[^\n]*\n$/])
      t.ok(unmount(), error)
    },
  )
