// SPDX-License-Identifier: Apache-2.0
// Sends with nodemailer and reads with imapflow; settings come on standard
// input, what was seen goes out as the last line of standard output.
import { readFileSync } from 'node:fs';
import nodemailer from 'nodemailer';
import { ImapFlow } from 'imapflow';

const given = JSON.parse(readFileSync(0, 'utf8'));
const tls = { ca: readFileSync(given.ca), servername: given.host };
const told = { sent: 0, idle: 0 };

async function send(port, secure, subject) {
	const transport = nodemailer.createTransport({
		host: given.host, port, secure, requireTLS: true, tls,
		auth: given.from, name: 'client.example',
	});
	const info = await transport.sendMail({
		from: given.from.user, to: given.to.user, subject,
		text: 'Grüße\n.\n..dots\n', attachments: [{ filename: 'a.bin', content: Buffer.alloc(5000, 7) }],
	});
	if (info.accepted.length === 1)
		told.sent++;
	transport.close();
}

const client = new ImapFlow({
	host: given.host, port: given.ports.imaps, secure: true, tls, logger: false, auth: given.to,
});
await client.connect();
client.on('exists', () => told.idle++);
const lock = await client.getMailboxLock('INBOX');
const idling = client.idle();
await new Promise((done) => setTimeout(done, 200));
await send(given.ports.submissions, true, `${given.word} one`);
await send(given.ports.submission, false, `${given.word} two`);
for (let n = 0; n < 50 && told.idle === 0; n++)
	await new Promise((done) => setTimeout(done, 50));
await client.noop();
await idling.catch(() => {});

const uids = await client.search({ subject: given.word }, { uid: true });
told.found = uids.length;
const whole = await client.fetchOne(uids[0], { source: true, size: true, bodyStructure: true, envelope: true }, { uid: true });
const part = await client.download(uids[0], '2', { uid: true });
const chunks = [];
for await (const chunk of part.content)
	chunks.push(chunk);
told.same = whole.source.length === whole.size && Buffer.concat(chunks).equals(Buffer.alloc(5000, 7)) &&
	whole.envelope.subject.startsWith(given.word);
await client.messageFlagsAdd(uids[0], ['\\Flagged', '\\Seen'], { uid: true });
const flags = await client.fetchOne(uids[0], { flags: true }, { uid: true });
told.flags = [...flags.flags].filter((flag) => flag !== '\\Recent').sort();
const moved = await client.messageMove([uids[0]], 'Archive', { uid: true });
told.moved = moved.uidMap.size;
told.specialUse = (await client.list()).map((box) => box.specialUse)
	.filter((use) => use && use !== '\\Inbox').sort();
lock.release();
await client.logout();
console.log(JSON.stringify(told));
