// The Redis-protocol server behind the LiveKit server of tests and the demo, see ../../real-parts.ts.
module trunkline.dev/test/tools/redis

go 1.26.0

require github.com/alicebob/miniredis/v2 v2.40.0

require github.com/yuin/gopher-lua v1.1.1 // indirect
