const moods = (
  "able bold brave bright brisk calm clear clever cosy curious daring eager easy fair fleet fond free fresh gentle glad " +
  "golden grand green happy hardy honest jolly keen kind light lively lucky mellow merry mild neat nimble noble patient " +
  "plain proud quick quiet rapid ready serene sharp silent silver sleek smooth snug solid spry steady still sunny sweet " +
  "swift tidy tranquil true trusty vivid warm wary wild windy wise witty young zesty"
).split(" ");
const islands = (
  "achill aland alderney aran arran azores bali barra barbados bermuda borneo bornholm capri ceylon coll corfu corsica " +
  "crete cuba cyprus elba euboea faroe fiji foula gotland guernsey hainan herm honshu ibiza inishmore iona islay ischia " +
  "java jersey jura kauai kos kyushu lesbos lewis lofoten luzon madeira malta man maui milos mull muck nantucket naxos " +
  "oahu oland orkney palawan paros patmos quemoy raasay reunion rhodes rugen runde samoa samos sark scilly shetland " +
  "sicily skye skyros sumatra sylt tahiti tasmania tenerife texel thasos timor tiree tonga trinidad unst usedom wight yell"
).split(" ");

/** A name such as `calm_skye`; from the second try on with a number, so that a free one is found. */
export function randomName(tries = 0): string {
  const name = `${pick(moods)}_${pick(islands)}`;
  return tries === 0 ? name : `${name}${Math.floor(Math.random() * 10 ** Math.min(tries, 9))}`;
}

function pick(words: readonly string[]): string {
  return words[Math.floor(Math.random() * words.length)]!;
}
