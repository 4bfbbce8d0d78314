import { setTimeout as sleep } from 'node:timers/promises';
import { Readable } from 'node:stream';
import {
  BadRequestException,
  Body,
  Controller,
  Get,
  Header,
  HttpCode,
  Param,
  Post,
  Query,
  Redirect,
  Req,
  Res,
  StreamableFile,
} from '@nestjs/common';
import type { Request, Response } from 'express';
import { Greeter } from './greeter.js';

@Controller()
export class AppController {
  // The type alone says what is injected: the compiler emits it as metadata.
  constructor(private readonly greeter: Greeter) {}

  @Get()
  @Header('content-type', 'text/html; charset=utf-8')
  home(): string {
    return '<h1>Weir and NestJS</h1><form method="post" action="/form"><input name="name"></form>';
  }

  @Get('api/hello/:name')
  hello(@Param('name') name: string, @Query('tab') tab?: string): { message: string; tab: string | null } {
    return { message: this.greeter.greet(name), tab: tab ?? null };
  }

  @Post('api/sum')
  @HttpCode(200)
  sum(@Body('numbers') numbers: unknown): { sum: number } {
    if (!Array.isArray(numbers)) throw new BadRequestException('numbers are expected');
    return { sum: numbers.reduce((sum: number, number: number) => sum + number, 0) };
  }

  @Post('form')
  form(@Body('name') name: string): string {
    return `Signed by ${name}`;
  }

  @Get('stream')
  stream(): StreamableFile {
    return new StreamableFile(Readable.from(words()), { type: 'text/plain; charset=utf-8' });
  }

  @Get('old')
  @Redirect('/', 301)
  old(): void {}

  @Get('visits')
  visits(@Req() request: Request, @Res({ passthrough: true }) response: Response): { visits: number } {
    const visits = Number(/(?:^|; )visits=(\d+)/.exec(request.headers.cookie ?? '')?.[1] ?? 0) + 1;
    response.cookie('visits', String(visits), { httpOnly: true });
    return { visits };
  }
}

async function* words(): AsyncGenerator<Buffer> {
  for (const word of ['water ', 'over ', 'a ', 'weir\n']) {
    yield Buffer.from(word);
    await sleep(50);
  }
}
