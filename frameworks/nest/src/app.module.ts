import { Module } from '@nestjs/common';
import { AppController } from './app.controller.js';
import { Greeter } from './greeter.js';

@Module({ controllers: [AppController], providers: [Greeter] })
export class AppModule {}
