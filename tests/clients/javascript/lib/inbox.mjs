import { within } from './time.mjs';

/**
 * What a client received and the test has not looked at yet, in order of arrival.
 */
export class Inbox {
  #items = [];
  #waiting = [];
  #ended;

  push(item) {
    const index = this.#waiting.findIndex(({ wanted }) => wanted(item));
    if (index < 0) {
      this.#items.push(item);
    } else {
      this.#waiting.splice(index, 1)[0].resolve(item);
    }
  }

  /** Nothing more will come: whoever waits is told why. */
  end(reason) {
    this.#ended = reason;
    for (const { reject } of this.#waiting.splice(0)) {
      reject(new Error(`the connection ended (${reason}); ${this.describe()}`));
    }
  }

  /** The first item that is `wanted`, now or later; it is gone from the inbox then. */
  take(wanted, what) {
    const index = this.#items.findIndex(wanted);
    if (index >= 0) {
      return Promise.resolve(this.#items.splice(index, 1)[0]);
    }
    if (this.#ended !== undefined) {
      return Promise.reject(
        new Error(`waited for ${what}, but the connection ended (${this.#ended}); ${this.describe()}`),
      );
    }
    let waiter;
    const arrived = new Promise((resolve, reject) => {
      waiter = { wanted, resolve, reject };
      this.#waiting.push(waiter);
    });
    return within(arrived, what, () => {
      this.#waiting = this.#waiting.filter((other) => other !== waiter);
      return this.describe();
    });
  }

  /** `count` wanted items in their order of arrival. */
  async takeMany(count, wanted, what) {
    const items = [];
    while (items.length < count) {
      items.push(await this.take(wanted, `${what} (${items.length + 1} of ${count})`));
    }
    return items;
  }

  /** What is left, without waiting. */
  peek(wanted = () => true) {
    return this.#items.filter(wanted);
  }

  describe() {
    return `left unread: ${JSON.stringify(this.#items)}`;
  }
}
