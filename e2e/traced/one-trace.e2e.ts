import { test } from 'node:test';
import { enterShop } from '../shop-under-test.ts';
import { assertOneTraceEach } from './one-trace.ts';

const { client } = await enterShop();

test('the whole life of an order is one trace, however it ends', () => assertOneTraceEach(client, 20));
