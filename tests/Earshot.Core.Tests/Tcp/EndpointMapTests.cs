using System.Collections.Generic;
using Earshot.Core.Tcp;
using Earshot.Core.Wire;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace Earshot.Core.Tests.Tcp;

public sealed class EndpointMapTests
{
    [Fact]
    public void A_map_of_endpoints_holds_what_a_dictionary_holds()
    {
        // Few keys, so that they are added, replaced and removed again and again, and stand side by side.
        Prop.ForAll<(byte, byte, bool)[]>(operations =>
        {
            var map = new EndpointMap<string>();
            var model = new Dictionary<InetEndpoint, string>();
            foreach ((byte address, byte port, bool adds) in operations)
            {
                var key = new InetEndpoint(new InetAddress(0, (ulong)(address % 3)), (ushort)(port % 40));
                if (adds)
                {
                    string value = $"{address}/{model.Count}";
                    map.Set(key, value);
                    model[key] = value;
                }
                else if (model.Remove(key))
                {
                    map.Remove(key);
                }
            }

            Assert.Equal(model.Count, map.Count);
            for (int i = 0; i < 120; i++)
            {
                var key = new InetEndpoint(new InetAddress(0, (ulong)(i % 3)), (ushort)(i / 3));
                Assert.Equal(model.GetValueOrDefault(key), map.TryGetValue(key, out string? found) ? found : null);
            }
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(300).WithEndSize(400));
    }
}
