import hooks, { type AsyncHook } from 'node:async_hooks'
import { syncBuiltinESMExports } from 'node:module'

/*
 * Required in each test file before tap is loaded (`node-arg` in package.json): what tap would hook into took a fifth of the processor time of all
 * tests.
 * - A hook that is called for each promise reports an error that is thrown outside the subtest's promise to the subtest. Without it the error is
 * reported for the file, which fails. AsyncLocalStorage does not depend on it, and works.
 * - Another one reads each module once more, so that `tap --changed` knows which files a change concerns. It is told to leave out all of them.
 */
const none: AsyncHook = { enable: () => none, disable: () => none }
hooks.createHook = () => none
syncBuiltinESMExports()
process.env._TAPJS_PROCESSINFO_EXCLUDE_ = '/./'
