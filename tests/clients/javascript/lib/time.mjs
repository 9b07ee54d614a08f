// Long waits, scaled by one factor for slow machines.

const FACTOR = Number(process.env.FANLINE_TEST_TIME_FACTOR ?? 1);

/** The patience of a test for something that normally takes milliseconds. */
export const PATIENCE = 10_000 * FACTOR;

/**
 * Waits until `promise` settles; past the patience, fails with what `describe()` says was seen
 * instead.
 */
export async function within(promise, what, describe = () => '') {
  let timer;
  const expired = new Promise((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`waited ${PATIENCE} ms for ${what}; ${describe()}`)),
      PATIENCE,
    );
  });
  try {
    return await Promise.race([promise, expired]);
  } finally {
    clearTimeout(timer);
  }
}
