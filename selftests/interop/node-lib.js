// SPDX-License-Identifier: Apache-2.0
//
// node-lib.js PORT: an LwM2M 1.0 server made of lwm2m-node-lib (npm) on loopback,
// and what it does with semd. Prints TAP. lwm2m-node-lib asks for text/plain
// and hands payloads over as they are.
'use strict';

process.removeAllListeners('warning'); // its mongodb part warns about itself
const lib = require('lwm2m-node-lib').server;
const config = Object.assign({}, require('lwm2m-node-lib/config').server, {
	port: Number(process.argv[2]),
	writeFormat: 'text/plain',
	logLevel: 'FATAL',
});
const SE = 26241, SCRIPT = 26242;

let n = 0, failed = 0;
function tap(ok, name, why) {
	n++;
	if (!ok)
		failed++;
	console.log(`${ok ? 'ok' : 'not ok'} ${n} - ${name}${ok || !why ? '' : ' (' + why + ')'}`);
}

// One operation of the library as a promise that rejects after 90 s.
function call(name, ...args) {
	return new Promise((resolve, reject) => {
		const timer = setTimeout(() => reject(new Error(`${name}: no answer in 90 s`)), 90000);
		lib[name](...args, (error, result) => {
			clearTimeout(timer);
			if (error)
				reject(new Error(error.message || error.name || String(error)));
			else
				resolve(result);
		});
	});
}

async function check(name, run) {
	try {
		const why = await run();
		tap(!why, name, why);
	} catch (e) {
		tap(false, name, e.message);
	}
}

const wait = (ms) => new Promise((r) => setTimeout(r, ms));
const same = (got, want) => (got === want ? '' : `got ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);

async function operations(id) {
	const links = await call('discover', id, SE).catch((e) => e.message);
	tap(links.includes('</26241/0/0>'), 'discover /26241', links);
	await check('read a string', async () => same(await call('read', id, SE, 0, 0), 'se0'));
	await check('read an integer', async () =>
		/^\d+$/.test(await call('read', id, SE, 0, 4)) ? '' : 'no number');
	await check('read what is not there: an error', () =>
		call('read', id, SE, 0, 99).then((v) => `got ${v}`, () => ''));
	await check('create a script instance', async () => {
		await call('create', id, SCRIPT, '');
		return '';
	});
	await check('write and read back an integer', async () => {
		await call('write', id, SCRIPT, 0, 13, '77');
		return same(await call('read', id, SCRIPT, 0, 13), '77');
	});
	await check('write and read back an object link', async () => {
		await call('write', id, SCRIPT, 0, 0, '26241:0');
		return same(await call('read', id, SCRIPT, 0, 0), '26241:0');
	});
	await check('write of a wrong type: an error', () =>
		call('write', id, SCRIPT, 0, 13, 'many').then(() => 'accepted', () => ''));
	await check('registration update on request', async () => {
		const before = updates;
		await call('execute', id, 1, 0, 8, '');
		for (let i = 0; i < 600 && updates === before; i++)
			await wait(100);
		return updates > before ? '' : 'no update in 60 s';
	});
	// From here on semd has notifications out that lwm2m-node-lib's proxy never
	// acknowledges to it, and so (NSTART = 1) nothing else of its own.
	const seen = [];
	await check('observe the state', async () =>
		same(await call('observe', id, SCRIPT, 0, 4, (v) => seen.push(v)), '0'));
	await check('write a command script (base64 in text/plain)', async () => {
		// AA: one GET DATA of the card recognition data
		await call('write', id, SCRIPT, 0, 2,
			Buffer.from('AA07220580CA006600', 'hex').toString('base64'));
		return '';
	});
	await check('execute Run', async () => {
		await call('execute', id, SCRIPT, 0, 3, '');
		return '';
	});
	await check('notifications lead to "done"', async () => {
		// each comes with a retransmission of the one before: after 3, 9, 21 s at the latest
		for (let i = 0; i < 900 && seen[seen.length - 1] !== '3'; i++)
			await wait(100);
		return same(seen[seen.length - 1], '3');
	});
	await check('read the response script', async () => {
		const hex = Buffer.from(await call('read', id, SCRIPT, 0, 7), 'base64').toString('hex');
		return /^ab..80010123..66.*9000$/.test(hex) ? '' : hex;
	});
	await check('execute again before Clear: an error', () =>
		call('execute', id, SCRIPT, 0, 3, '').then(() => 'accepted', () => ''));
	await check('execute Clear, and the state is idle', async () => {
		await call('execute', id, SCRIPT, 0, 11, '');
		return same(await call('read', id, SCRIPT, 0, 4), '0');
	});
	await check('cancel the observation', async () => {
		await call('cancelObserver', id, SCRIPT, 0, 4);
		return '';
	});
}

let updates = 0, registrations = 0;
lib.start(config, (error, info) => {
	if (error) {
		tap(false, 'lwm2m-node-lib starts', error.message);
		process.exit(1);
	}
	const timer = setTimeout(() => {
		tap(false, 'semd registers with lwm2m-node-lib', 'not within 90 s');
		process.exit(1);
	}, 90000);
	lib.setHandler(info, 'updateRegistration', (device, payload, done) => {
		updates++;
		done();
	});
	lib.setHandler(info, 'unregistration', (device, done) => done());
	lib.setHandler(info, 'registration', (ep, lifetime, version, binding, payload, done) => {
		clearTimeout(timer);
		done();
		if (registrations++)
			return tap(false, 'one registration is enough');
		tap(ep === 'sesame-test' && payload.includes('</26241/0>'),
			`semd registers (LwM2M ${version}, lifetime ${lifetime} s)`, `${ep}: ${payload}`);
		// the answer to the registration has to be out first
		setTimeout(() => lib.getDevice(ep, async (e, device) => {
			if (e)
				tap(false, 'the registry knows the device', e.message);
			else
				await operations(device.id);
			console.log(`1..${n}`);
			process.exit(failed ? 1 : 0);
		}), 200);
	});
});
