// Etcd is an embedded etcd with 32 clients that each put one key after the other, on a disk that every batch of them is
// synchronised to. The recording etcd.trace.gz beside it was made by
//
//	cd traces/blame/testdata/servers/etcd && go run . /var/tmp/etcd &
//	curl -s 'localhost:6060/debug/pprof/trace?seconds=0.15' | gzip -9 > ../etcd.trace.gz
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	_ "net/http/pprof"
	"net/url"
	"os"

	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3client"
)

func main() {
	c := embed.NewConfig()
	c.Dir = os.Args[1]
	c.LogLevel = "error"
	loopback := func(port int) []url.URL {
		return []url.URL{{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", port)}}
	}
	c.ListenClientUrls, c.AdvertiseClientUrls = loopback(23790), loopback(23790)
	c.ListenPeerUrls, c.AdvertisePeerUrls = loopback(23800), loopback(23800)
	c.InitialCluster = c.InitialClusterFromName(c.Name)
	e, err := embed.StartEtcd(c)
	if err != nil {
		log.Fatal(err)
	}
	<-e.Server.ReadyNotify()
	client := v3client.New(e.Server)
	for i := range 32 {
		go func() {
			for n := 0; ; n++ {
				if _, err := client.Put(context.Background(), fmt.Sprintf("key-%d", i), fmt.Sprint(n)); err != nil {
					log.Fatal(err)
				}
			}
		}()
	}
	log.Fatal(http.ListenAndServe("localhost:6060", nil))
}
