package corpus

// HeldOut is a second table of consecutive releases, as [Releases]: what was chosen
// beforehand and never looked at while the deltas were being made smaller.
func HeldOut() []Release {
	return []Release{
		{NPM, "axios", "1.7.8", "1665aff04039f34cec73ca6ddd6ff0eb6962f88ca2df7b2d07e7ba844634250a"},
		{NPM, "axios", "1.7.9", "634e3ed585d7c8857f00cb7556f79422614e8defd008f8bb34b6018c1faefa0f"},
		{NPM, "moment", "2.29.4", "42bc763358b31c962bfd0c2563e6cd66e73b8e952833ed03faf351a3ad871c74"},
		{NPM, "moment", "2.30.1", "52219a9fee5e1faade4c72536c173c54cedd5e2619272dd0c251a30aeafcde8c"},
		{NPM, "jquery", "3.7.0", "8394ac1b3c1bf73e984335e862be99c23fdd45702fa3b67b12e0a48f339c4a02"},
		{NPM, "jquery", "3.7.1", "68a9f787516da47c680e09c187bcbac4536b6f85d90eb882844e12919e583f53"},
		{NPM, "preact", "10.25.3", "cc793e0aaf61da30f7c962d7cfa50b8619fedafdc860b699c36d55518568c15e"},
		{NPM, "preact", "10.25.4", "93d4a374795c9b15b8b5edad9294a24cf210e99f3f0fb2b98d00bdb401e7c892"},
		{NPM, "rollup", "4.30.0", "5e0efd7ca3582abac344f8405cbcdef0d1fcdd0e96c87421fca241464326c672"},
		{NPM, "rollup", "4.30.1", "9181b854339e701acdc4e190116c00a86a99ffea4474f373ba956de63a7b61d4"},
		{NPM, "mocha", "11.0.0", "77475beb01fc0610ed8fc40e04860d0940fc35b03911cf7d79eb3b7470c9958f"},
		{NPM, "mocha", "11.0.1", "691cbb48d58b88eb367e8c4e06bfc9eb0b6952e4a4c4a805ba3b2590012fac0d"},
		{NPM, "@babel/core", "7.26.8", "eb74fafe100ed378284ebeb920d86ee18cee945b09c09121f0325ad7c1729d19"},
		{NPM, "@babel/core", "7.26.9", "39d7d4d8a5d58d2f7093b4743f39c9f37c672bb0fd4c2fe8679c42f57b6f8f39"},
		{NPM, "date-fns", "4.0.0", "ce3266af277345888f2da69ca663d6aaec061833b131848d6d56b70de1e9772c"},
		{NPM, "date-fns", "4.1.0", "90718290bbf34bf3d0c80bb70456e0069e0cc547caccaf1464fe42f1f602c460"},
		{NPM, "bootstrap", "5.3.2", "6eeae8894f91f0a557f1bbe0ad8eb104bba7a4d8fb1164e37f3113614ebb6c7f"},
		{NPM, "bootstrap", "5.3.3", "38cee936dbd80138de6775683149f22e9226fc2d654392337a921f53000c789e"},
		{NPM, "ajv", "8.16.0", "e16e63cca4da3ad832f6ed6a2b2b48bb721a5dc826bbecbdfb897e7806343a69"},
		{NPM, "ajv", "8.17.1", "f09dae78b8cc984dbf178eba92a7b19bff9e5f7c990508f3af0bf8f118770308"},
		{NPM, "zod", "3.24.0", "341676f329d264f43a8c2efeb25ccf7f0f880e2fe7a9d9f1c176c71bd9d66e31"},
		{NPM, "zod", "3.24.1", "bce658d4d39b30b619970938bf7ff1b0554d3d2124194b6dbd0e10086dd56417"},
		{NPM, "d3", "7.8.5", "4112c55e94689de4af27d3f5856878a7cdc95a729acc980a05381d80e945a6af"},
		{NPM, "d3", "7.9.0", "7e36605710a2ba54846797c8c6d888911341b215ae53257dc32a49a0b824355e"},
		{GoModule, "golang.org/x/net", "v0.34.0", "49c43b74811dc9864fe35dcfcc8b1c64917d2cce30882adde4f86a981465b594"},
		{GoModule, "golang.org/x/net", "v0.35.0", "9c746c215d695e80d6f4d1b1f1d55deaae5e451b4c031223af25f2b2f0757215"},
		{GoModule, "google.golang.org/protobuf", "v1.36.4", "aa5958c8b0ffa50c65725fc6b4d97226380050c58df1cf1eebaf12ef85c9d059"},
		{GoModule, "google.golang.org/protobuf", "v1.36.5", "bef3555844d24e73f06b2c2e653bfd4ab4e3c79f4150def6ee9be45f0e2e81b5"},
		{GoModule, "github.com/spf13/cobra", "v1.8.1", "bf27a276f87257c93bc057309df30265a19beefc3d5fc887cbd8fc99ad35466a"},
		{GoModule, "github.com/spf13/cobra", "v1.9.1", "e44a319d167f096bd3ba0bd0c13cf17d8dc0b7d51ac784fa7440d005dd2ed5cb"},
		{GoModule, "github.com/gin-gonic/gin", "v1.9.1", "ef6482353db50bfdd85b6a84f7cdf2ed0a793597b6cf29c694a1df606d2f8e7e"},
		{GoModule, "github.com/gin-gonic/gin", "v1.10.0", "c983efe780ee7c250a287eb26f228e0f7b77667c5ff9f4448cd54f05d28f5e70"},
	}
}
