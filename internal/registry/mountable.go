package registry

import (
	"reflect"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/types"
)

// mountable tells the cache of blob locations how a blob is compressed. image/v5 mounts a blob from another repository only if the cache
// knows that, and has no public way to say it: the method is there, its parameter is of an internal type, so it is filled in by reflection.
// What is said does not matter here, as a blob is only ever taken for itself and no manifest is edited; a cache without the method is left
// alone, and the blob is then uploaded.
func mountable(cache types.BlobInfoCache, blob digest.Digest) {
	record := reflect.ValueOf(cache).MethodByName("RecordDigestCompressorData")
	if !record.IsValid() || record.Type().NumIn() != 2 || record.Type().In(0) != reflect.TypeFor[digest.Digest]() || record.Type().In(1).Kind() != reflect.Struct {
		return
	}
	data := reflect.New(record.Type().In(1)).Elem()
	compressor := data.FieldByName("BaseVariantCompressor")
	if !compressor.IsValid() || compressor.Kind() != reflect.String {
		return
	}
	compressor.SetString("gzip")
	record.Call([]reflect.Value{reflect.ValueOf(blob), data})
}
