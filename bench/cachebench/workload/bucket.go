package workload

import "time"

// Bucket is a token bucket as the published study's rate limiter keeps it: it
// holds Limit tokens, a request takes one, and when its time has passed it is
// full again. The caller keeps the state, and whatever lock guards it.
type Bucket struct {
	Limit    int64         // tokens of a full bucket, at least 1
	Duration time.Duration // from one refill to the next; 0 is for ever
}

// Take is one request at the given moment to a bucket with that many tokens
// and that expiry, both moments in nanoseconds of one clock (expiry 0: never).
// It returns the state to be stored, and whether the request got a token. An
// expired bucket is a new one, full before this request takes its token: its
// expiry differs from the old one.
func (b Bucket) Take(remaining, expireAt, now int64) (left, expiry int64, ok bool) {
	if expireAt != 0 && now >= expireAt {
		return b.Limit - 1, b.Expiry(now), true
	}
	if remaining <= 0 {
		return remaining, expireAt, false
	}
	return remaining - 1, expireAt, true
}

// Expiry is when a bucket that is filled now expires; 0 is never.
func (b Bucket) Expiry(now int64) int64 {
	if b.Duration == 0 {
		return 0
	}
	return now + int64(b.Duration)
}
