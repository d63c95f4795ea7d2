import t from 'tap'
import { newPasswordProblem } from '../../plugins/accounts/password-strength.ts'
import { createUser, setPassword } from '../../plugins/accounts/users.ts'
import { UserError } from '../../plugins/accounts/user-error.ts'
import { testDatabase } from '../oauth/database.ts'
import { startProcess } from '../process.ts'

const NAMES = ['anna.schmidt', 'My Tools', 'mcp.example.com']

t.test('what many people use is refused, with digits, in capitals, twice, backwards, with letters written as digits', async t => {
  for (const password of [
    'password1234', 'Password2026!', 'passwordpassword', 'drowssap1234', 'p4ssw0rd!p4ssw0rd', 'letmein12345', 'OMG!letmein!', 'iloveyou1234', 'welcome12345', 'changeme1234',
    'superman1234', 'trustno1trustno1', 'Summer2026!!', 'admin1234567', 'football2024!'
  ]) t.match(await newPasswordProblem(password, NAMES), /too easy to guess: it (is made of what many people use|repeats)/, password)
})

t.test('what repeats itself, counts on or follows the keyboard is refused', async t => {
  for (const password of ['123456789012', 'abcdefghijkl', 'qwertyuiop123', '1qaz2wsx3edc', 'abababababab1', 'abcabcabcabcd', '98765432109876']) t.match(await newPasswordProblem(password, NAMES), /too easy to guess|different characters/, password)
})

t.test('names of the user and the server are refused, and their parts', async t => {
  for (const password of [
    'anna.schmidt', 'Anna.Schmidt1', 'schmidt123456', 'tdimhcs123456', '2026schmidt2026', 'annaannaanna', 'mytoolsmytools', 'My Tools 2026', 'mcp.example.com', 'example.com!1', 'Schmidt!2026!', '5chm1d7123456', 'anna-my-tools-1', 'Loots-Annatools'
  ]) t.match(await newPasswordProblem(password, NAMES), /made of a name|too easy|different characters/, password)
  t.match(await newPasswordProblem('kowalczyk2026', ['kowalczyk']), /made of a name of the user or the server/)
  t.equal(await newPasswordProblem('kowalczyk rides a green tram', ['kowalczyk']), undefined, 'a name in a long one is no fault')
})

t.test('blanks, few different characters and control characters are refused', async t => {
  const cases: [string, RegExp][] = [
    [' '.repeat(12), /all blanks/], ['\u00a0\u2003\u3000 \u2002\u2009\u202f \u2004\u2005\u2006\u2007', /all blanks/], ['aaaaaaaaaaaa', /5 different characters/], ['abcdabcdabcdABCD', /5 different characters/],
    ['with a \u0000 inside it', /control characters/], ['with a \u001b[2J inside', /control characters/], ['with a \u0085 inside it', /control characters/], ['tab\tin the middle', /control characters/], ['short', /at least 12/]
  ]
  for (const [password, problem] of cases) t.match(await newPasswordProblem(password), problem, JSON.stringify(password))
})

t.test('good ones are taken: of words, by chance, in other scripts', async t => {
  for (const password of ['correct horse battery', 'kX9v2mQ8pL4z', 'tiger lamp orbit', 'nR7-wq_83ndkA1xz', 'зелёный трамвай едет', '緑の路面電車が山へ行く時', 'grüne tram fährt']) t.equal(await newPasswordProblem(password, NAMES), undefined, password)
})

t.test('the users are made with such passwords only', async t => {
  const { db } = await testDatabase(t)
  await t.rejects(createUser(db, 'kowalczyk', 'kowalczyk2026'), new UserError('the password is too easy to guess: it is made of a name of the user or the server'))
  await createUser(db, 'kowalczyk', 'correct horse battery')
  await t.rejects(setPassword(db, 'Kowalczyk', 'kowalczyk2026'), /made of a name/)
  await t.rejects(setPassword(db, 'kowalczyk', 'garden-tools-1', ['garden tools']), /made of a name/)
})

t.test('the first user too', async t => {
  const { ended, output } = await startProcess(t, { AUTH_DEFAULT_PASSWORD: 'mcpuser12345', LOG_FORMAT: 'json' })
  t.equal(await ended, 78)
  t.match(output.stderr + output.stdout, /AUTH_DEFAULT_PASSWORD: the given value is too easy to guess: it is made of a name of the user or the server/)
})
